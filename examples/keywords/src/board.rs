//! What the programs do on their board, QEMU's `mps2-an386`: they hear a recording that lies in flash, 20 ms at a time, as a microphone
//! would bring it, print each word with its time, the instructions that features and network take, and hashes of all features and scores.
//!
//! They fail if the words are not those that were said. Other words are said too, and must not be heard.

use crate::frontend::{RATE, STEP};
use crate::{Frames, Listener, linear};
use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use semihosting::sys::arm_compat::sys_writec;

/// What is heard.
#[derive(Debug)]
pub struct Recording<const N: usize> {
    /// Sound at 16 kHz in mu-law.
    pub sound: &'static [u8],
    /// The words in it, a line each.
    pub said: &'static [u8],
    /// The network's classes.
    pub classes: [&'static str; N],
}

/// Hears a recording by the network that `infer` runs, given scratch, and ends the program: with 0 if the words are those that were said.
pub fn listen<const N: usize, const K: usize, S>(
    listener: Option<&mut Listener<N, K>>,
    scratch: Option<&mut S>,
    recording: Recording<N>,
    infer: impl FnMut(&Frames, &mut S, &mut [[i8; N]; 1]) -> Result<(), fusebox::Error>,
) -> ! {
    let right = match (listener, scratch, cortex_m::Peripherals::take()) {
        (Some(listener), Some(scratch), Some(peripherals)) => {
            hear(listener, scratch, &recording, infer, &mut Counter::new(peripherals.SYST))
        }
        _ => None,
    };
    semihosting::process::exit(i32::from(right != Some(true)))
}

/// Whether the words are right; none if the network could not be run.
fn hear<const N: usize, const K: usize, S>(
    listener: &mut Listener<N, K>,
    scratch: &mut S,
    recording: &Recording<N>,
    mut infer: impl FnMut(&Frames, &mut S, &mut [[i8; N]; 1]) -> Result<(), fusebox::Error>,
    counter: &mut Counter,
) -> Option<bool> {
    let is_known = |line: &&[u8]| recording.classes.iter().any(|word| word.as_bytes() == *line);
    let mut said = recording.said.split(|&byte| byte == b'\n').filter(is_known);
    let mut right = true;
    let (mut frontend, mut network) = (Mean::default(), Mean::default());
    let (mut features, mut scores) = (Hash::new(), Hash::new());
    for (step, bytes) in recording.sound.as_chunks().0.iter().enumerate() {
        let samples = bytes.map(linear);
        let Some(frame) = counter.add(&mut frontend, || listener.hear(&samples)) else { continue };
        frame.iter().flat_map(|feature| feature.to_le_bytes()).for_each(|byte| features.add(byte));
        let Some(frames) = listener.due() else { continue };
        let mut y = [[0; N]];
        counter.add(&mut network, || infer(frames, scratch, &mut y)).ok()?;
        let [y] = y;
        y.iter().for_each(|&score| scores.add(score as u8));
        if let Some(word) = listener.decide(&y).and_then(|class| recording.classes.get(class)) {
            let hundredths = ((step + 1) * STEP / (RATE / 100)) as u32;
            print_number(hundredths / 100, 2);
            print(".");
            print_number(hundredths % 100, 2);
            print(" s  ");
            print(word);
            print("\n");
            right &= said.next() == Some(word.as_bytes());
        }
    }
    right &= said.next().is_none();

    print("\ninstructions: ");
    print_number(frontend.get(), 1);
    print(" for the features of 20 ms, ");
    print_number(network.get(), 1);
    print(" for a run of the network\n");
    print(if right { "the words that were said" } else { "not the words that were said" });
    print("; FNV-1a of features ");
    features.print();
    print(", of scores ");
    scores.print();
    print("\n");
    Some(right)
}

/// A mean of counts.
#[derive(Default)]
struct Mean {
    sum: u64,
    count: u64,
}

impl Mean {
    fn get(&self) -> u32 {
        self.sum.checked_div(self.count).unwrap_or(0) as u32
    }
}

/// SysTick counts down from here: 24 bits.
const TOP: u32 = 0x00ff_ffff;

/// How often it started again.
static ROUNDS: AtomicU32 = AtomicU32::new(0);

#[cortex_m_rt::exception]
fn SysTick() {
    // Only this writes it.
    ROUNDS.store(ROUNDS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// Counts instructions in QEMU, where one takes 2^7 ns (`-icount shift=7`) and SysTick has 25 MHz: 3.2 ticks.
struct Counter(SYST);

impl Counter {
    fn new(mut systick: SYST) -> Self {
        systick.set_clock_source(SystClkSource::Core);
        systick.set_reload(TOP);
        systick.enable_counter();
        systick.enable_interrupt();
        Self(systick)
    }

    /// Runs `work`. Adds its instructions to `mean`.
    fn add<T>(&mut self, mean: &mut Mean, work: impl FnOnce() -> T) -> T {
        self.0.clear_current();
        // It starts at its next tick; until then it reads as zero.
        while SYST::get_current() == 0 {}
        let (rounds, start) = (ROUNDS.load(Ordering::Relaxed), SYST::get_current());
        let result = work();
        let (end, rounds) = (SYST::get_current(), ROUNDS.load(Ordering::Relaxed).wrapping_sub(rounds));
        let ticks = rounds.wrapping_mul(TOP + 1).wrapping_add(start).wrapping_sub(end);
        mean.sum += u64::from(ticks) * 10 / 32;
        mean.count += 1;
        result
    }
}

fn print(text: &str) {
    text.bytes().for_each(sys_writec);
}

/// Prints a number with at least `digits` digits.
fn print_number(number: u32, digits: u32) {
    if digits > 1 || number > 9 {
        print_number(number / 10, digits.saturating_sub(1));
    }
    sys_writec(b'0' + (number % 10) as u8);
}

/// The hash FNV-1a of 32 bits (draft-eastlake-fnv).
struct Hash(u32);

impl Hash {
    const fn new() -> Self {
        Self(0x811c_9dc5)
    }

    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }

    fn print(&self) {
        for digit in (0..8).rev() {
            sys_writec(b"0123456789abcdef"[(self.0 >> (4 * digit)) as usize % 16]);
        }
    }
}

/// Nothing panics: `cargo xtask imported` looks for it in the image. But a program must say what it would do.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    semihosting::process::abort()
}
