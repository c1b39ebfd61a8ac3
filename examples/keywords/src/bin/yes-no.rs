//! Hears "yes" and "no", by the network of TensorFlow Lite Micro's example `micro_speech`.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use fusebox::{Layer, Scratch};
    use keywords::Listener;
    use keywords::board::{Recording, listen};
    use keywords::yes_no::{CLASSES, NET, Net};
    use static_cell::ConstStaticCell;

    /// Frames from one run of the network to the next: 40 ms.
    const EVERY: u8 = 2;

    static LISTENER: ConstStaticCell<Listener<4, 4>> = ConstStaticCell::new(Listener::new(EVERY));
    static SCRATCH: ConstStaticCell<Scratch<Net, 1>> = ConstStaticCell::new(Scratch::new());

    #[cortex_m_rt::entry]
    fn main() -> ! {
        let recording = Recording {
            sound: include_bytes!("../../data/yes-no.ulaw"),
            said: include_bytes!("../../data/yes-no.txt"),
            classes: CLASSES,
        };
        listen(LISTENER.try_take(), SCRATCH.try_take(), recording, |frames, scratch, scores| {
            NET.infer(frames.as_flattened().as_chunks().0, scratch, scores)
        })
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!(
        "this is firmware: `cargo run --release --bin yes-no` runs it in QEMU, `cargo host-test` tests its parts here"
    );
}
