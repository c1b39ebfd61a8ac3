//! Hears ten words, by a network that was trained with fusebox on voices of espeak-ng: `examples/learn`.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use fusebox::Scratch;
    use keywords::Listener;
    use keywords::board::{Recording, listen};
    use keywords::words::{CLASSES, COUNT, NET, Net};
    use static_cell::ConstStaticCell;

    /// Frames from one run of the network to the next: 160 ms.
    const EVERY: u8 = 8;

    static LISTENER: ConstStaticCell<Listener<COUNT, 3>> = ConstStaticCell::new(Listener::new(EVERY));
    static SCRATCH: ConstStaticCell<Scratch<Net, 1>> = ConstStaticCell::new(Scratch::new());

    #[cortex_m_rt::entry]
    fn main() -> ! {
        let recording = Recording {
            sound: include_bytes!("../../data/ten-words.ulaw"),
            said: include_bytes!("../../data/ten-words.txt"),
            classes: CLASSES,
        };
        listen(LISTENER.try_take(), SCRATCH.try_take(), recording, |frames, scratch, scores| {
            // Pictures of one channel.
            let x = frames.as_flattened().as_chunks::<1>().0.as_chunks().0.as_chunks().0;
            NET.infer(x, scratch, scores)
        })
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!(
        "this is firmware: `cargo run --release --bin ten-words` runs it in QEMU, `cargo host-test` tests its parts here"
    );
}
