//! Nothing but what every program has.

fn main() {
    println!();
}
