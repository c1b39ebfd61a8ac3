//! A network as a Rust module, and the numbers that it includes.

use crate::lower::{Field, Lowered, Made, Read, Start, Value, quantization};
use crate::{Error, Network};
use std::fmt::Write;
use std::ops::Range;

/// Where a value is while a network runs.
pub(crate) enum Place {
    Input,
    Output,
    /// Numbers of four bytes of the arena, for one row.
    Arena(Range<usize>),
}

/// A module and its numbers: see [`Network::module`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Rust.
    pub code: String,
    /// What the code includes, from a file beside it.
    pub data: Vec<u8>,
}

/// The lines of a module, and the bytes of its data.
struct Writer<'a> {
    network: &'a Network,
    lowered: &'a Lowered,
    code: String,
    data: Vec<u8>,
}

/// The module of `network`, whose data is in a file of the name `data` beside it.
pub(crate) fn module(network: &Network, lowered: &Lowered, title: &str, data: &str) -> Result<Module, Error> {
    let mut writer = Writer { network, lowered, code: String::new(), data: Vec::new() };
    // Strings are never full.
    writer.all(title, data).map_err(|error| Error::new(error.to_string()))?;
    Ok(Module { code: writer.code, data: writer.data })
}

impl Writer<'_> {
    fn all(&mut self, title: &str, data: &str) -> std::fmt::Result {
        let lowered = self.lowered;
        let (input, output) = (&lowered.values[lowered.input], &lowered.values[lowered.output]);
        let title: String = title.chars().filter(|c| !c.is_control()).collect();
        writeln!(self.code, "// {title}, as fusebox-import has written it: changes are lost.\n")?;
        writeln!(self.code, "use fusebox::{{Beside, Isa, Layer, int8, layers}};\n")?;
        self.network(&title)?;
        self.constant("NET: Net", "static", "The network, with its weights.", |writer| writer.value())?;
        writeln!(
            self.code,
            "/// Bytes of [`fusebox::Scratch`] for one row: all tensors between the layers{}.",
            if lowered.states.is_empty() { "" } else { ", and what is kept from frame to frame" }
        )?;
        writeln!(self.code, "pub const RAM: usize = {};\n", self.network.ram())?;
        self.ends("INPUT", "input", input)?;
        self.ends("OUTPUT", "output", output)?;
        self.layer(input, output)?;
        if let Some(started) = lowered.started {
            self.stream(started)?;
        }
        self.helpers(data)
    }

    /// The struct.
    fn network(&mut self, title: &str) -> std::fmt::Result {
        writeln!(self.code, "/// {title}.\n#[derive(Debug)]\npub struct Net {{")?;
        for (i, step) in self.lowered.steps.iter().enumerate() {
            writeln!(self.code, "    /// {}.", step.operator)?;
            writeln!(self.code, "    pub {}: {},", self.field(i), step.layer.kind)?;
        }
        writeln!(self.code, "}}\n")
    }

    /// The field of a step.
    fn field(&self, step: usize) -> String {
        format!("{}_{step}", self.lowered.steps[step].layer.name)
    }

    fn constant(
        &mut self,
        name: &str,
        kind: &str,
        doc: &str,
        value: impl FnOnce(&mut Self) -> std::fmt::Result,
    ) -> std::fmt::Result {
        write!(self.code, "/// {doc}\npub {kind} {name} = ")?;
        value(self)?;
        writeln!(self.code, ";\n")
    }

    /// The layers with their weights.
    fn value(&mut self) -> std::fmt::Result {
        let lowered = self.lowered;
        writeln!(self.code, "Net {{")?;
        for (i, step) in lowered.steps.iter().enumerate() {
            let field = self.field(i);
            match &step.layer.made {
                Made::Call(call) => writeln!(self.code, "    {field}: constant({call}),")?,
                Made::Fields(fields) => {
                    let name = step.layer.kind.split('<').next().unwrap_or_default();
                    writeln!(self.code, "    {field}: {name} {{")?;
                    for (name, value) in fields {
                        match value {
                            Field::Code(code) => writeln!(self.code, "        {name}: {code},")?,
                            Field::Data(bytes) => {
                                writeln!(self.code, "        {name}: data({}),", self.data.len())?;
                                self.data.extend_from_slice(bytes);
                            }
                        }
                    }
                    writeln!(self.code, "    }},")?;
                }
            }
        }
        write!(self.code, "}}")
    }

    /// What the numbers of the input or output stand for.
    fn ends(&mut self, name: &str, what: &str, value: &Value) -> std::fmt::Result {
        let Some(q) = value.quantization else { return Ok(()) };
        let (name, doc) =
            (format!("{name}: int8::Quantization"), format!("What the numbers of the {what} stand for."));
        self.constant(&name, "const", &doc, |writer| write!(writer.code, "{}", quantization(q)))
    }

    /// The implementation of `Layer`.
    fn layer(&mut self, input: &Value, output: &Value) -> std::fmt::Result {
        let lowered = self.lowered;
        writeln!(self.code, "impl Layer for Net {{")?;
        writeln!(self.code, "    type Input = {};", input.row)?;
        writeln!(self.code, "    type Output = {};", output.row)?;
        writeln!(self.code, "    type Scratch = [f32; {}];", self.network.ram() / 4)?;
        writeln!(self.code, "    type InPlace = Beside<Self::Input, Self::Scratch>;\n")?;
        writeln!(self.code, "    const CHECK: () = {{")?;
        for (i, _) in lowered.steps.iter().enumerate().filter(|(_, step)| step.reads.len() == 1) {
            writeln!(self.code, "        layers::arena::check(&NET.{});", self.field(i))?;
        }
        writeln!(self.code, "    }};")?;
        writeln!(self.code, "    const MACS: u64 = {};\n", self.network.macs())?;
        writeln!(
            self.code,
            "    fn run(&self, isa: Isa, xs: &[Self::Input], arena: &mut [f32], ys: &mut [Self::Output]) {{"
        )?;
        match lowered.started {
            Some(started) => {
                writeln!(self.code, "        // Each row is a first frame.")?;
                writeln!(self.code, "        for (x, y) in xs.iter().zip(ys) {{")?;
                let range = self.range(started);
                writeln!(
                    self.code,
                    "            let [started] = layers::arena::parts(arena, 1, [{range}]);"
                )?;
                writeln!(self.code, "            started.fill(0.0);")?;
                let ends = ["from_ref(x)", "from_mut(y)"].map(|end| format!("core::slice::{end}"));
                writeln!(
                    self.code,
                    "            self.frame(isa, {}, arena, {});\n        }}",
                    ends[0], ends[1]
                )?;
            }
            None => self.steps()?,
        }
        writeln!(self.code, "    }}\n}}\n")
    }

    /// Where a value is in the arena.
    fn range(&self, value: usize) -> String {
        match self.network.place(value) {
            Place::Arena(range) => format!("[{}, {}]", range.start, range.end),
            _ => "[0, 0]".into(),
        }
    }

    /// What runs frame after frame.
    fn stream(&mut self, started: usize) -> std::fmt::Result {
        let lines = "\
impl layers::Stream for Net {
    type Frame = <Self as Layer>::Input;
    type Out = <Self as Layer>::Output;
    type Past = <Self as Layer>::Scratch;
    const DUE: layers::Due = layers::Due::EACH;

    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &Self::Frame, out: &mut Self::Out) -> bool {
        self.frame(isa, core::slice::from_ref(frame), past, core::slice::from_mut(out));
        true
    }
}

impl Net {
    /// Runs a frame. `arena` is as the last one has left it, or zeros before the first.
    fn frame(
        &self,
        isa: Isa,
        xs: &[<Self as Layer>::Input],
        arena: &mut [f32],
        ys: &mut [<Self as Layer>::Output],
    ) {";
        writeln!(self.code, "{lines}")?;
        self.start(started)?;
        self.steps()?;
        writeln!(self.code, "    }}\n}}\n")
    }

    /// Before the first frame, what is kept has its first values.
    fn start(&mut self, started: usize) -> std::fmt::Result {
        let lowered = self.lowered;
        let names: String = (0..lowered.states.len()).map(|i| format!(", state_{i}")).collect();
        let ranges: Vec<_> = std::iter::once(started)
            .chain(lowered.states.iter().map(|state| state.value))
            .map(|v| self.range(v))
            .collect();
        writeln!(
            self.code,
            "        let [started{names}] = layers::arena::parts(arena, 1, [{}]);",
            ranges.join(", ")
        )?;
        writeln!(
            self.code,
            "        if let [started @ 0] = layers::arena::view_mut::<_, u32>(started, 1) {{"
        )?;
        writeln!(self.code, "            *started = 1;")?;
        for (i, state) in lowered.states.iter().enumerate() {
            let row = format!("[i8; {}]", lowered.values[state.value].bytes);
            let first = match &state.start {
                Start::Fill(byte) => format!("[{byte}; {}]", lowered.values[state.value].bytes),
                Start::Data(bytes) => {
                    let at = self.data.len();
                    self.data.extend_from_slice(bytes);
                    format!("const {{ data({at}) }}")
                }
            };
            writeln!(
                self.code,
                "            layers::arena::view_mut::<_, {row}>(state_{i}, 1).fill({first});"
            )?;
        }
        writeln!(self.code, "        }}")
    }

    /// The layers, one after another.
    fn steps(&mut self) -> std::fmt::Result {
        let parts = if self.network.ram() > 0 { "parts, " } else { "" };
        writeln!(self.code, "        use layers::arena::{{{parts}view, view_mut}};")?;
        writeln!(self.code, "        let n = xs.len();")?;
        (0..self.lowered.steps.len()).try_for_each(|step| self.step(step))
    }

    /// A layer run: its parts of the arena, and the call.
    fn step(&mut self, i: usize) -> std::fmt::Result {
        let (step, field) = (&self.lowered.steps[i], self.field(i));
        // Names and ranges of the parts that it needs, each once.
        let mut parts: Vec<(&str, Range<usize>)> = Vec::new();
        let mut name_of = |value: usize, name: &'static str| match self.network.place(value) {
            Place::Input => "xs",
            Place::Output => "ys",
            Place::Arena(range) => match parts.iter().find(|(_, other)| *other == range) {
                Some((name, _)) => *name,
                None => {
                    parts.push((name, range));
                    name
                }
            },
        };
        let names = ["a", "b"];
        let reads: Vec<_> =
            step.reads.iter().zip(names).map(|(read, name)| (read, name_of(read.value, name))).collect();
        let write = name_of(step.write, "y");
        let past = step.past.map(|past| name_of(past, "past"));
        let scratch = self.network.scratch(i);
        parts.extend(scratch.clone().map(|range| ("scratch", range)));
        let names: Vec<_> = parts.iter().map(|(name, _)| *name).collect();
        let ranges: Vec<_> =
            parts.iter().map(|(_, range)| format!("[{}, {}]", range.start, range.end)).collect();
        if !names.is_empty() {
            writeln!(
                self.code,
                "        let [{}] = parts(arena, n, [{}]);",
                names.join(", "),
                ranges.join(", ")
            )?;
        }
        let count = if step.rows == 1 { "n".into() } else { format!("{} * n", step.rows) };
        // A join takes any rows, so theirs are written.
        let view = |(read, name): &(&Read, &str)| match step.reads.len() {
            1 => format!("view({name}, {count})"),
            _ => format!("view::<_, {}>({name}, {count})", read.row),
        };
        let reads: Vec<_> = reads.iter().map(view).collect();
        let write = format!("view_mut({write}, {count})");
        match (&reads[..], past) {
            ([x], Some(past)) => {
                let rows = format!("([x], [past], [y]) = ({x}, view_mut({past}, n), {write})");
                writeln!(self.code, "        if let {rows} {{")?;
                writeln!(
                    self.code,
                    "            layers::Stream::step(&self.{field}, isa, past, x, y);\n        }}"
                )
            }
            ([x], None) => {
                let scratch = if scratch.is_some() { "scratch" } else { "&mut []" };
                writeln!(self.code, "        self.{field}.run(isa, {x}, {scratch}, {write});")
            }
            _ => {
                let reads = reads.join(", ");
                writeln!(self.code, "        int8::Join::join(&self.{field}, isa, {reads}, {write});")
            }
        }
    }

    /// What the constants call.
    fn helpers(&mut self, data: &str) -> std::fmt::Result {
        if self.code.contains("Picture<") {
            writeln!(self.code, "/// A picture of `H` rows of `W` pixels of `C` numbers.")?;
            writeln!(
                self.code,
                "type Picture<const H: usize, const W: usize, const C: usize> = [[[i8; C]; W]; H];\n"
            )?;
        }
        let is_called = self.lowered.steps.iter().any(|step| matches!(step.layer.made, Made::Call(_)));
        if !self.data.is_empty() {
            writeln!(self.code, "/// Weights, biases and scales.")?;
            writeln!(self.code, "const DATA: &[u8] = include_bytes!({data:?});\n")?;
            writeln!(self.code, "/// The numbers at byte `start` of the data.")?;
            writeln!(self.code, "const fn data<T: fusebox::Plain>(start: usize) -> T {{")?;
            writeln!(self.code, "    constant(layers::arena::constant(DATA, start))\n}}\n")?;
        }
        if is_called || !self.data.is_empty() {
            writeln!(
                self.code,
                "/// What the importer has checked: an error here stops the compiler, not the program."
            )?;
            writeln!(self.code, "const fn constant<T: Copy>(value: Result<T, fusebox::Error>) -> T {{")?;
            writeln!(self.code, "    match value {{")?;
            writeln!(self.code, "        Ok(value) => value,")?;
            writeln!(
                self.code,
                "        Err(_) => panic!(\"a constant of the network is wrong: import it again\"),"
            )?;
            writeln!(self.code, "    }}\n}}")?;
        }
        Ok(())
    }
}
