//! One frame at a time, the bits of the whole sequence at every position; then an end.

use crate::random;
use crate::support::gpt::Gpt;
use crate::support::isas::isas;
use fusebox::layers::{Halves, Neighbours, Stream};
use fusebox::{
    Attention, Dense, Each, Embedding, Error, Gelu, LayerNorm, Plain, Positions, Repeat, Residual, Rng,
    Rotary, Scratch, Seq, Streaming, View, Zeroed,
};

/// Every frame of a sequence, twice, and one after the last; before, one that is refused, if there is such a frame.
fn check<N>(sequence: N::Input, frames: &[N::Frame], refused: Option<N::Frame>)
where
    N: Stream + Plain,
{
    let net: N = random(&mut Rng::new(1));
    assert_eq!(N::FRAMES, frames.len());
    for isa in isas() {
        let mut ys = [N::Output::ZEROED];
        net.infer_with(isa, &[sequence], &mut Scratch::<N, 1>::new(), &mut ys).expect("a row");
        let outputs = ys[0].as_bytes().chunks(size_of::<N::Out>());
        let mut stream = Streaming::<N>::new();
        for _ in 0..2 {
            for (t, (frame, expected)) in frames.iter().zip(outputs.clone()).enumerate() {
                if let Some(refused) = &refused {
                    let result = stream.try_push_with(isa, &net, refused).map(drop);
                    assert!(matches!(result, Err(Error::Token { .. })), "{isa}: {result:?}");
                }
                let out = stream.try_push_with(isa, &net, frame).expect("a frame").expect("one for each");
                assert_eq!(out.as_bytes(), expected, "{isa}, {}: frame {t}", std::any::type_name::<N>());
            }
            let after = stream.try_push_with(isa, &net, &frames[0]).map(drop);
            assert_eq!(after, Err(Error::Full { capacity: frames.len() }), "{isa}");
            stream.restart();
        }
    }
}

fn check_numbers<N, const T: usize, const W: usize>()
where
    N: Stream<Input = [[f32; W]; T], Frame = [f32; W]> + Plain,
{
    let sequence: [[f32; W]; T] = random(&mut Rng::new(2));
    check::<N>(sequence, &sequence, None);
}

#[test]
fn layers() {
    check_numbers::<Positions<7, 5>, 7, 5>();
    check_numbers::<Rotary<7, 11, 2, 5, Halves, 4>, 7, 11>();
    check_numbers::<Rotary<40, 36, 1, 34, Neighbours>, 40, 36>();
    // One block of keys, and several; shared keys, and own ones.
    check_numbers::<Attention<1, 1, 1, 1, 3, 1>, 1, 3>();
    check_numbers::<Attention<7, 3, 5, 1, 25, 15>, 7, 25>();
    check_numbers::<Attention<33, 3, 5, 3, 45, 15>, 33, 45>();
    check_numbers::<Attention<70, 2, 17, 1, 68, 34>, 70, 68>();
    check_numbers::<Attention<65, 1, 64, 1, 192, 64>, 65, 192>();
}

#[test]
fn transformers() {
    fn tokens<const T: usize>() -> [u16; T] {
        std::array::from_fn(|t| (t * t + t / 3) as u16 % 6)
    }
    check::<Gpt<5>>(tokens::<5>(), &tokens::<5>(), Some(6));
    check::<Gpt<40>>(tokens::<40>(), &tokens::<40>(), Some(999));
    // In blocks that are compiled once, with tokens that no weights of the output are.
    type Block = Seq![
        Residual<
            Seq![
                Each<35, Seq![LayerNorm<6>, Dense<6, 18>]>,
                Rotary<35, 18, 6, 2>,
                Attention<35, 3, 2, 3, 18, 6>,
                Each<35, Dense<6, 6>>
            ],
        >,
        Residual<Each<35, Seq![LayerNorm<6>, Dense<6, 9, Gelu>, Dense<9, 6>]>>,
    ];
    type Net = Seq![Each<35, Embedding<6, 6>>, Positions<35, 6>, Repeat<3, Block>, Each<35, Dense<6, 2>>];
    check::<Net>(tokens::<35>(), &tokens::<35>(), Some(6));
    check_numbers::<Block, 35, 6>();
    check_numbers::<View<[[f32; 6]; 35], Block, [[f32; 6]; 35]>, 35, 6>();
}

/// What a stream remembers is plain numbers, which may be any: nothing else is touched, and nothing panics.
#[test]
fn counters_of_any_value() {
    fn steps<N: Stream<Frame: Plain> + Zeroed>() {
        for counter in [0, 1, 4, 5, 6, u32::MAX - 1, u32::MAX] {
            for isa in isas() {
                let mut bytes = vec![0; size_of::<N::Past>()];
                bytes.as_chunks_mut().0.fill(counter.to_le_bytes());
                let mut past = N::Past::copy_from_bytes(&bytes).expect("as many bytes");
                let (net, mut out) = (N::ZEROED, N::Out::ZEROED);
                for _ in 0..7 {
                    net.step(isa, &mut past, &N::Frame::ZEROED, &mut out);
                }
            }
        }
    }
    steps::<Attention<5, 1, 2, 1, 6, 2>>();
    steps::<Positions<5, 2>>();
    steps::<Rotary<5, 2, 1, 2>>();
}
