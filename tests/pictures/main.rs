//! Layers on pictures and on sequences, against plain loops in `f64`.

#[path = "../support"]
mod support {
    pub(crate) mod isas;
    pub(crate) mod vectors;
}

mod activate;
mod batch_norm;
mod concat;
mod conv;
mod group_norm;
mod pool;
mod pytorch;
mod rows;
mod shapes;
