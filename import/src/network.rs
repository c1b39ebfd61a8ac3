//! A network that has been read: its layers, their memory, what it costs.

use crate::graph::Graph;
use crate::lower::{End, Lowered, State, lower};
use crate::plan::{Buffer, free, plan};
use crate::write::{Module, Place, module};
use crate::{Error, Options};
use comfy_table::{CellAlignment, Table, presets};
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

/// A network, read from a file and checked: every layer, and a place for every tensor.
///
/// Displayed as a table of its operators.
#[derive(Clone, Debug)]
pub struct Network {
    lowered: Lowered,
    places: Vec<Option<Range<usize>>>,
    scratches: Vec<Option<Range<usize>>>,
    /// Numbers of four bytes.
    arena: usize,
}

impl Network {
    /// The network of a file of TensorFlow Lite.
    ///
    /// Errors if the file is damaged, or needs what is not supported.
    pub fn read(file: &[u8], options: &Options) -> Result<Self, Error> {
        let mut graph = Graph::read(file)?;
        Ok(Self::planned(lower(&mut graph, options, file.len())?))
    }

    /// Gives every tensor and scratch its place.
    fn planned(lowered: Lowered) -> Self {
        let words = |bytes: usize| bytes.div_ceil(4);
        let size = |value: usize| words(lowered.values[value].bytes);
        let mut buffers = vec![Buffer { size: 0, first: 0, last: 0 }; lowered.values.len()];
        for (i, step) in lowered.steps.iter().enumerate() {
            buffers[step.write] = Buffer { size: size(step.write), first: i, last: i };
            for read in &step.reads {
                buffers[read.value].last = i;
            }
        }
        // Kept from run to run, so alive in all of it.
        for value in lowered.kept() {
            buffers[value] = Buffer { size: size(value), first: 0, last: lowered.steps.len() };
        }
        // The caller's.
        let ends = lowered.inputs.iter().chain(&lowered.outputs);
        let ends: BTreeSet<_> = ends.map(|end| end.value).collect();
        for &end in &ends {
            buffers[end].size = 0;
        }
        // Scratches, after the values.
        let scratch = |(i, step): (usize, &crate::lower::Step)| {
            let [least, most] = step.layer.scratch.map(words);
            (least > 0).then_some((i, least, most))
        };
        let scratches: Vec<_> = lowered.steps.iter().enumerate().filter_map(scratch).collect();
        buffers.extend(scratches.iter().map(|&(i, least, _)| Buffer { size: least, first: i, last: i }));
        let (starts, arena) = plan(&buffers);
        let values = 0..lowered.values.len();
        let places = values
            .clone()
            .map(|i| (!ends.contains(&i)).then(|| starts[i]..starts[i] + buffers[i].size))
            .collect();
        // As much as is free at the time is better than the least.
        let mut ranges = vec![None; lowered.steps.len()];
        for (n, &(i, _, most)) in scratches.iter().enumerate() {
            let free = free(&buffers, &starts, arena, values.end + n);
            ranges[i] = Some(free.start..free.end.min(free.start + most));
        }
        Self { lowered, places, scratches: ranges, arena }
    }

    /// The Rust module `Net` and its data, which it includes from a file of the name `data` beside it. `title` is what the
    /// module's documentation calls the network.
    ///
    /// ```
    /// # let file = include_bytes!("../tests/data/hello_world_int8.tflite");
    /// let network = fusebox_import::Network::read(file, &Default::default())?;
    /// let module = network.module("hello_world", "hello_world.bin")?;
    /// assert!(module.code.contains("pub dense_0: int8::Dense<1, 16>,"));
    /// # Ok::<(), fusebox_import::Error>(())
    /// ```
    pub fn module(&self, title: &str, data: &str) -> Result<Module, Error> {
        module(self, &self.lowered, title, data)
    }

    /// Bytes of scratch for one row: all tensors between the layers, those of input and output aside, and what is kept from run to
    /// run.
    ///
    /// ```
    /// # let file = include_bytes!("../tests/data/hello_world_int8.tflite");
    /// let network = fusebox_import::Network::read(file, &Default::default())?;
    /// assert_eq!((network.ram(), network.flash(), network.macs()), (32, 684, 288));
    /// # Ok::<(), fusebox_import::Error>(())
    /// ```
    #[must_use]
    pub fn ram(&self) -> usize {
        4 * self.arena
    }

    /// Bytes of weights, biases, scales and tables.
    #[must_use]
    pub fn flash(&self) -> usize {
        let layers: usize = self.lowered.steps.iter().map(|step| step.layer.data()).sum();
        layers + self.lowered.states.iter().map(State::data).sum::<usize>()
    }

    /// Multiply-accumulates for one row.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.lowered.steps.iter().map(|step| step.layer.macs).sum()
    }

    pub(crate) fn place(&self, value: usize) -> Place {
        match &self.places[value] {
            Some(range) => Place::Arena(range.clone()),
            None => {
                let of = |ends: &[End]| ends.iter().position(|end| end.value == value);
                match of(&self.lowered.inputs) {
                    Some(n) => Place::Input(n),
                    None => Place::Output(of(&self.lowered.outputs).unwrap_or_default()),
                }
            }
        }
    }

    /// The part of the arena that a step has as its scratch.
    pub(crate) fn scratch(&self, step: usize) -> Option<Range<usize>> {
        self.scratches[step].clone()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["", "operator", "output", "MACs", "flash", "RAM"]);
        for (i, step) in self.lowered.steps.iter().enumerate() {
            let place = match self.place(step.write) {
                Place::Arena(range) => format!("{}..{}", 4 * range.start, 4 * range.end),
                _ => "output".into(),
            };
            let value = &self.lowered.values[step.write];
            table.add_row([
                i.to_string(),
                step.operator.clone(),
                value.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" x "),
                step.layer.macs.to_string(),
                step.layer.data().to_string(),
                place,
            ]);
        }
        let [macs, flash, ram] = [self.macs().to_string(), self.flash().to_string(), self.ram().to_string()];
        table.add_row(["", "all", "", &macs, &flash, &ram]);
        for column in [0, 3, 4, 5] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        f.write_str(&table.trim_fmt())
    }
}
