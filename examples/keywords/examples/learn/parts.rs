//! A network of eight bits as the fields of its layers, one after another, the last layer's first.

use fusebox::int8::{Clamp, Conv2d, Dense, Mean, Softmax};
use fusebox::{Chain, Plain};

/// A network that appends its fields, as `keywords::words` reads them.
pub(crate) trait Parts {
    fn append(&self, bytes: &mut Vec<u8>);
}

impl<A: Parts, R: Parts> Parts for Chain<A, R> {
    fn append(&self, bytes: &mut Vec<u8>) {
        self.rest.append(bytes);
        self.first.append(bytes);
    }
}

impl<I, O, const KH: usize, const KW: usize, const C: usize, const F: usize, G> Parts
    for Conv2d<I, O, KH, KW, C, F, G>
{
    fn append(&self, bytes: &mut Vec<u8>) {
        put(&self.bias, bytes);
        put(&self.scale, bytes);
        put(&clamp(self.clamp), bytes);
        put(&self.zero, bytes);
        put(&self.weight, bytes);
    }
}

impl<I, const C: usize> Parts for Mean<I, C> {
    fn append(&self, bytes: &mut Vec<u8>) {
        put(&self.scale, bytes);
        put(&clamp(self.clamp), bytes);
        put(&self.zero, bytes);
    }
}

impl<const I: usize, const O: usize> Parts for Dense<I, O> {
    fn append(&self, bytes: &mut Vec<u8>) {
        put(&self.bias, bytes);
        put(&self.scale, bytes);
        put(&clamp(self.clamp), bytes);
        put(&self.weight, bytes);
    }
}

impl<const N: usize> Parts for Softmax<N> {
    fn append(&self, bytes: &mut Vec<u8>) {
        put(&self.scale, bytes);
        put(&self.least, bytes);
    }
}

fn put<T: Plain>(value: &T, bytes: &mut Vec<u8>) {
    bytes.extend(value.as_bytes());
}

const fn clamp(clamp: Clamp) -> [i8; 3] {
    [clamp.zero, clamp.least, clamp.most]
}
