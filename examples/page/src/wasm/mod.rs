//! The functions that JavaScript calls.
//!
//! JavaScript and WebAssembly share nothing but memory and numbers. So each call takes numbers; longer arguments are written to
//! the inbox before the call ([`inbox`]), and longer results are read from the outbox after it ([`outbox`]). All of them are
//! 32-bit floats but for files, digits and texts, which are bytes. Calls that can fail return 0 for success and 1 for failure,
//! whose reason [`fault`] sends as text; calls that send something return how many numbers or bytes that is.

#[cfg(target_feature = "atomics")]
compile_error!("the page's state and its allocator are for WebAssembly without threads");

mod mail;
mod state;

use crate::handwriting::Drawing;
use mail::numbers;
use state::{attempt, state};
use talc::TalckWasm;

// SAFETY: WebAssembly without threads.
#[global_allocator]
static ALLOCATOR: TalckWasm = unsafe { TalckWasm::new_global() };

/// The page stops, and JavaScript catches a `RuntimeError`.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Makes room for `bytes` bytes of arguments, and returns where to write them; 0 if there is no room.
#[unsafe(no_mangle)]
extern "C" fn inbox(bytes: usize) -> *mut u8 {
    state().mail.inbox(bytes)
}

/// Where the last result is.
#[unsafe(no_mangle)]
extern "C" fn outbox() -> *const u8 {
    state().mail.outbox()
}

/// Sends the reason why the last call failed that did, as text.
#[unsafe(no_mangle)]
extern "C" fn fault() -> usize {
    let mut state = state();
    let text = state.fault;
    state.mail.send(text.as_bytes())
}

// The playground.

/// Begins again with the network, activation and optimiser of these numbers, see [`crate::playground::Playground::begin`]. A
/// number that is none of them is taken for the first.
#[unsafe(no_mangle)]
extern "C" fn playground_begin(network: u32, activation: u32, optimizer: u32, seed: u32) {
    state().playground.begin(network, activation, optimizer, seed);
}

/// Takes the points in the inbox, x, y and label of each, in place of the last ones.
#[unsafe(no_mangle)]
extern "C" fn playground_points() {
    let mut state = state();
    let points = state.mail.numbers();
    state.playground.take_points(&points);
}

/// Takes some training steps of `batch` points each, and returns the mean loss, NaN if there are no points.
#[unsafe(no_mangle)]
extern "C" fn playground_train(steps: u32, rate: f32, batch: usize) -> f32 {
    state().playground.train(steps, rate, batch)
}

/// The loss of the points held out, NaN if there are none.
#[unsafe(no_mangle)]
extern "C" fn playground_held_out() -> f32 {
    state().playground.held_out()
}

/// Sends how likely the second class is in each of `size` times `size` places of the plane, row by row from the top.
#[unsafe(no_mangle)]
extern "C" fn playground_surface(size: usize) -> usize {
    let mut state = state();
    let surface = state.playground.surface(size);
    state.mail.send_numbers(&surface)
}

/// Sends what each neuron sees of the plane in as many places, neuron after neuron.
#[unsafe(no_mangle)]
extern "C" fn playground_neurons(size: usize) -> usize {
    let mut state = state();
    let seen = state.playground.neurons(size);
    state.mail.send_numbers(&seen)
}

/// Sends all weights without biases, layer by layer, each `[inputs][outputs]`.
#[unsafe(no_mangle)]
extern "C" fn playground_weights() -> usize {
    let mut state = state();
    let weights = state.playground.weights();
    state.mail.send_numbers(&weights)
}

/// Sends the numbers of neurons of each layer, from the inputs to the outputs.
#[unsafe(no_mangle)]
extern "C" fn playground_shape() -> usize {
    let mut state = state();
    let shape = state.playground.shape();
    state.mail.send_numbers(&shape)
}

// Digits, for handwriting and for bits.

/// Takes the digits in the inbox.
#[unsafe(no_mangle)]
extern "C" fn digits_load() -> u32 {
    attempt(|state, bytes, _| state.load_digits(bytes), 0)
}

// Handwriting.

/// Reads the drawing in the inbox, see [`Drawing`], and sends the logit of each class; no numbers for no drawing.
#[unsafe(no_mangle)]
extern "C" fn handwriting_read() -> usize {
    let mut state = state();
    let drawing = state.mail.numbers();
    let logits = state.reader.read(&drawing);
    state.mail.send_numbers(logits.as_ref().map_or(&[], |logits| logits))
}

/// Sends the picture that the network sees of the drawing in the inbox: 8 x 8 numbers of 0..=1.
#[unsafe(no_mangle)]
extern "C" fn handwriting_picture() -> usize {
    let mut state = state();
    let picture = Drawing::parse(&state.mail.numbers()).map(|drawing| drawing.picture());
    state.mail.send_numbers(picture.as_ref().map_or(&[], |picture| picture))
}

/// Keeps the drawing in the inbox as one more of sign `sign`.
#[unsafe(no_mangle)]
extern "C" fn handwriting_teach(sign: u32) -> u32 {
    attempt(|state, drawing, sign| state.reader.teach(&numbers(drawing), sign), sign)
}

/// Takes some training steps on the signs and on digits remembered; returns the mean loss, NaN if there is nothing to learn from.
#[unsafe(no_mangle)]
extern "C" fn handwriting_learn(steps: u32) -> f32 {
    state().reader.learn(steps)
}

/// The share of the held-out digits that are read as labelled, 0..=1.
#[unsafe(no_mangle)]
extern "C" fn handwriting_held_out() -> f32 {
    state().reader.held_out()
}

/// Names sign `sign` by the UTF-8 text in the inbox; [`crate::handwriting::NAME`] bytes of it are kept.
#[unsafe(no_mangle)]
extern "C" fn handwriting_name(sign: u32) -> u32 {
    attempt(|state, name, sign| state.reader.name(sign, name), sign)
}

/// Sends the name of sign `sign`, empty if it has none.
#[unsafe(no_mangle)]
extern "C" fn handwriting_name_of(sign: u32) -> usize {
    let mut state = state();
    let name = state.reader.name_of(sign);
    state.mail.send(&name)
}

/// The drawings of sign `sign` that were taught, as far as they are still remembered.
#[unsafe(no_mangle)]
extern "C" fn handwriting_taught(sign: u32) -> u32 {
    state().reader.taught(sign)
}

/// Sends a file of all that was learnt.
#[unsafe(no_mangle)]
extern "C" fn handwriting_save() -> usize {
    let mut state = state();
    let file = state.reader.save();
    state.mail.send(&file)
}

/// Takes the file in the inbox, the network alone as it was delivered, and forgets all signs. If it is refused, nothing changes.
#[unsafe(no_mangle)]
extern "C" fn handwriting_network() -> u32 {
    attempt(|state, file, _| state.reader.load_network(file), 0)
}

/// Takes the file in the inbox. If it is refused, nothing changes.
#[unsafe(no_mangle)]
extern "C" fn handwriting_load() -> u32 {
    attempt(|state, file, _| state.reader.load(file), 0)
}

// The same bits.

/// Trains the digits' network from nothing, and sends the mean loss of each epoch; no numbers without digits.
#[unsafe(no_mangle)]
extern "C" fn bits_train() -> usize {
    let mut state = state();
    let losses = state.train_bits();
    state.mail.send_numbers(&losses)
}

/// Sends the hash of all weights, eight bytes, the highest first; none before a training.
#[unsafe(no_mangle)]
extern "C" fn bits_hash() -> usize {
    let mut state = state();
    let hash = state.bits.hash().map(u64::to_be_bytes);
    state.mail.send(hash.as_ref().map_or(&[], |hash| hash))
}
