//! Layers on pictures.

mod shapes;
