//! Text with numbers, composed when it compiles.

/// The message of a panic at compile time, which cannot format numbers itself.
#[derive(Clone, Copy)]
pub(super) struct Message {
    bytes: [u8; 512],
    len: usize,
}

impl Message {
    pub(super) const fn of(number: usize, layer: &str) -> Self {
        Self { bytes: [0; 512], len: 0 }.text("layer ").number(number).text(", `").text(layer).text("`: ")
    }

    /// Appends `text`, or as much as there is room for.
    pub(super) const fn text(mut self, text: &str) -> Self {
        let mut i = 0;
        while i < text.len() && self.len < self.bytes.len() {
            self.bytes[self.len] = text.as_bytes()[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    pub(super) const fn number(self, number: usize) -> Self {
        let before = if number >= 10 { self.number(number / 10) } else { self };
        let digit = [b'0' + (number % 10) as u8];
        match core::str::from_utf8(&digit) {
            Ok(digit) => before.text(digit),
            Err(_) => before,
        }
    }

    pub(super) const fn shape(self, shape: &[usize]) -> Self {
        let mut all = self.text("[");
        let mut i = 0;
        while i < shape.len() {
            all = if i > 0 { all.text(", ") } else { all }.number(shape[i]);
            i += 1;
        }
        all.text("]")
    }

    pub(super) const fn panic(&self) -> ! {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => panic!("{}", text),
            Err(_) => panic!("a layer's sizes do not match"),
        }
    }
}
