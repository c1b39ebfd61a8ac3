//! Writes the page's data into a folder: the digits, packed, and the weights of a network that reads them.
//!
//! The network learns from the images of the data, moved, sheared and stretched a little, since people draw with a mouse otherwise
//! than they wrote on paper. Exits with status 1 if it reads less than 96 % of the images held out.
//!
//! ```text
//! cargo run --release --bin pretrain -- FOLDER
//! ```

use firmware::{PIXELS, ROWS};
use fusebox::{Init, Rng, Sgd, Workspace};
use page::digits::{features, pack, split};
use page::handwriting::{Net, Reader, SIDE};
use std::error::Error;
use std::path::PathBuf;

const EPOCHS: usize = 150;
const BATCH: usize = 32;
const RATE: f32 = 0.3;
const LEAST_ACCURACY: f32 = 0.96;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: pretrain FOLDER")?);
    let mut reader = Reader::new();
    reader.remember(ROWS);
    let mut rng = Rng::new(1);
    let (_, mut training) = split();
    let mut workspace = Workspace::<Net, BATCH>::boxed();
    reader.net().init(Init::He, &mut rng);
    for epoch in 0..EPOCHS {
        let optimizer = Sgd::new(RATE * (EPOCHS - epoch) as f32 / EPOCHS as f32);
        rng.shuffle(&mut training);
        for batch in training.chunks(BATCH) {
            let mut stage = workspace.stage();
            for row in batch.iter().filter_map(|&number| ROWS.get(usize::from(number))) {
                let [.., label] = row;
                stage.push(*label, |x| *x = moved(&features(row), &mut rng))?;
            }
            stage.train_step(reader.net(), &optimizer)?;
        }
    }
    let accuracy = reader.held_out();
    println!("held-out images read: {:.1} %", accuracy * 100.0);
    for (name, bytes) in [("digits.bin", pack(ROWS)), ("reader.bin", reader.save_network())] {
        println!("{name}: {} B", bytes.len());
        std::fs::write(folder.join(name), bytes)?;
    }
    if accuracy < LEAST_ACCURACY {
        return Err(format!("{accuracy:.3} of the images are read, less than {LEAST_ACCURACY}").into());
    }
    Ok(())
}

/// The picture, sheared, stretched and moved by up to two thirds of a pixel, between pixels linearly.
fn moved(picture: &[f32; PIXELS], rng: &mut Rng) -> [f32; PIXELS] {
    let mut between = |most: f32| most * (2.0 * rng.uniform() - 1.0);
    let [a, b, c, d] = [1.0 + between(0.15), between(0.15), between(0.15), 1.0 + between(0.15)];
    let [right, down] = [between(0.67), between(0.67)];
    let middle = (SIDE - 1) as f32 / 2.0;
    let at = |row: i32, column: i32| {
        let inside = |place: i32| (0..SIDE as i32).contains(&place);
        if inside(row) && inside(column) { picture[row as usize * SIDE + column as usize] } else { 0.0 }
    };
    std::array::from_fn(|pixel| {
        let (x, y) = ((pixel % SIDE) as f32 - middle, (pixel / SIDE) as f32 - middle);
        let (x, y) = (a * x + b * y + middle + right, c * x + d * y + middle + down);
        let (column, row) = (x.floor(), y.floor());
        let (along, below) = (x - column, y - row);
        let (column, row) = (column as i32, row as i32);
        let upper = at(row, column) * (1.0 - along) + at(row, column + 1) * along;
        let lower = at(row + 1, column) * (1.0 - along) + at(row + 1, column + 1) * along;
        upper * (1.0 - below) + lower * below
    })
}
