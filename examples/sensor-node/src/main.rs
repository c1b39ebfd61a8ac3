//! The node on its board: see README.md.
#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod firmware {
    use sensor_node::board::Board;
    use sensor_node::node::{Memory, Node};
    use static_cell::ConstStaticCell;

    // All that the node needs, in `.bss`: the linker refuses what the board has no room for.
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

    #[cortex_m_rt::entry]
    fn main() -> ! {
        // Both are there when a program starts, which it does once.
        if let (Some(Board { i2c, light, clock, port }), Some(memory)) = (Board::take(), MEMORY.try_take()) {
            let mut node = Node::start(i2c, light, clock, port, memory);
            loop {
                node.step();
            }
        }
        cortex_m::peripheral::SCB::sys_reset()
    }

    /// Nothing panics: `cargo xtask node` looks for it in the image. But a program must say what it would do.
    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        cortex_m::peripheral::SCB::sys_reset()
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    eprintln!("this is firmware: `cargo run --release` runs it in QEMU, `cargo host-test` tests it here");
}
