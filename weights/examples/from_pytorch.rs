//! From PyTorch's file to an image for flash, used where it lies, and PyTorch's outputs beside its own.
//!
//! The network was trained by `tests/data/make_pytorch.py`.

use fusebox::{
    Aligned, BatchNorm, Conv2d, Dense, DepthwiseConv2d, Plain, Relu, Scratch, Zeroed, checkpoint, network,
};
use fusebox_weights::Map;

network! {
    type Cnn = [6, 6, 2] => [
        Conv2d(4, [3, 2], Valid),
        BatchNorm(Relu),
        DepthwiseConv2d([2, 3], stride 2, multiplier 2, Valid, Relu),
        Flatten,
        Dense(3),
    ];
}

/// The layers by the names that they have in PyTorch.
fn cnn(net: &mut Cnn) -> Map<'_> {
    let rest = &mut net.rest.rest;
    Map::pytorch()
        .conv("features", &mut net.first)
        .batch_norm("bn", &mut net.rest.first)
        .depthwise("depthwise", &mut rest.first, 4) // of 4 channels
        .dense_after_flatten("head", &mut rest.rest.layer, 8) // of 8
}

/// How many pictures PyTorch's outputs were kept for.
const PICTURES: usize = 16;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

    // On the desktop.
    let file = std::fs::read(format!("{data}/conv.safetensors"))?;
    let mut net = Cnn::ZEROED;
    cnn(&mut net).load(&file)?;
    let mut image = [0; checkpoint::size::<(&Cnn,)>()];
    checkpoint::save((&net,), &mut image)?;

    // On the board: `Aligned(*include_bytes!("net.fusebox"))`.
    let image = Aligned(image);
    let net: &Cnn = checkpoint::view(&image.0)?;

    let xs =
        <[[[[f32; 2]; 6]; 6]; PICTURES]>::copy_from_bytes(&std::fs::read(format!("{data}/conv.in.bin"))?)?;
    let theirs = <[[f32; 3]; PICTURES]>::copy_from_bytes(&std::fs::read(format!("{data}/conv.out.bin"))?)?;
    let mut ours = [[0.0; 3]; PICTURES];
    net.infer(&xs, &mut Scratch::<Cnn, PICTURES>::new(), &mut ours)?;

    println!("{} bytes of safetensors, {} for flash", file.len(), image.0.len());
    println!("{:^29} | {:^29}", "PyTorch", "fusebox");
    for (theirs, ours) in theirs.iter().zip(&ours) {
        println!(
            "{:9.5} {:9.5} {:9.5} | {:9.5} {:9.5} {:9.5}",
            theirs[0], theirs[1], theirs[2], ours[0], ours[1], ours[2]
        );
    }
    let differences = theirs.iter().flatten().zip(ours.iter().flatten()).map(|(x, y)| (x - y).abs());
    // Not `f32::max`, which passes NaN over.
    let largest =
        differences.fold(0.0, |largest: f32, d| if d > largest || d.is_nan() { d } else { largest });
    println!("largest difference: {largest:.1e}");
    // Sums of at most 32 products, of magnitude 1, in another order.
    if largest <= 2e-6 { Ok(()) } else { Err("another network than PyTorch's".into()) }
}
