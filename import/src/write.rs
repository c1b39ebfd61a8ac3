//! A network as a Rust module, and the numbers that it includes.

use crate::graph::Kind;
use crate::lower::{End, Field, Lowered, Made, Read, Start, Step, quantization};
use crate::{Error, Network};
use std::fmt::Write;
use std::ops::Range;

/// Where a value is while a network runs.
pub(crate) enum Place {
    /// An input, by its number.
    Input(usize),
    Output(usize),
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
    /// Names of the public ones.
    constants: Vec<String>,
}

/// The module of `network`, whose data is in a file of the name `data` beside it.
pub(crate) fn module(network: &Network, lowered: &Lowered, title: &str, data: &str) -> Result<Module, Error> {
    let mut writer =
        Writer { network, lowered, code: String::new(), data: Vec::new(), constants: Vec::new() };
    // Strings are never full.
    writer.all(title, data).map_err(|error| Error::new(error.to_string()))?;
    Ok(Module { code: writer.code, data: writer.data })
}

impl Writer<'_> {
    fn all(&mut self, title: &str, data: &str) -> std::fmt::Result {
        let lowered = self.lowered;
        let title: String = title.chars().filter(|c| !c.is_control()).collect();
        writeln!(self.code, "// {title}, as fusebox-import has written it: changes are lost.\n")?;
        let head = self.code.len();
        self.network(&title)?;
        self.value()?;
        let kept = if lowered.states.is_empty() { "" } else { ", and what is kept from frame to frame" };
        let doc = format!("Bytes of [`fusebox::Scratch`] for one row: all tensors between the layers{kept}.");
        self.constant("RAM", "usize", &self.network.ram().to_string(), &doc)?;
        self.ends("Input", "input", &lowered.inputs)?;
        self.ends("Output", "output", &lowered.outputs)?;
        writeln!(self.code, "// A program that uses none of them has no dead code.")?;
        writeln!(self.code, "const _: () = _ = ({},);\n", self.constants.join(", "))?;
        self.layer()?;
        if lowered.started.is_some() {
            self.stream()?;
        }
        if self.is_row_by_row() {
            self.row()?;
        }
        self.helpers(data)?;
        let used = |name: &str| {
            if self.code.contains(&format!("{name}::")) { format!("{name}, ") } else { String::new() }
        };
        let (int8, int16) = (used("int8"), used("int16"));
        self.code.insert_str(head, &format!("use fusebox::{{Beside, Isa, Layer, {int16}{int8}layers}};\n\n"));
        Ok(())
    }

    /// The struct.
    fn network(&mut self, title: &str) -> std::fmt::Result {
        writeln!(self.code, "/// {title}.\n#[derive(Debug)]\npub struct Net {{")?;
        let is_first = |(_, step): &(usize, &Step)| !matches!(step.layer.made, Made::Same(_));
        for (i, step) in self.lowered.steps.iter().enumerate().filter(is_first) {
            writeln!(self.code, "    /// {}.", step.operator)?;
            writeln!(self.code, "    pub {}: {},", self.field(i), step.layer.kind)?;
        }
        writeln!(self.code, "}}\n")
    }

    /// The field of a step, which is that of the first one of the same layer.
    fn field(&self, step: usize) -> String {
        let step = match self.lowered.steps[step].layer.made {
            Made::Same(first) => first,
            _ => step,
        };
        format!("{}_{step}", self.lowered.steps[step].layer.name)
    }

    /// A public constant.
    fn constant(&mut self, name: &str, of: &str, value: &str, doc: &str) -> std::fmt::Result {
        self.constants.push(name.into());
        writeln!(self.code, "/// {doc}\npub const {name}: {of} = {value};\n")
    }

    /// The layers with their weights.
    fn value(&mut self) -> std::fmt::Result {
        let lowered = self.lowered;
        writeln!(self.code, "/// The network, with its weights.\npub static NET: Net = Net {{")?;
        for (i, step) in lowered.steps.iter().enumerate() {
            let field = self.field(i);
            match &step.layer.made {
                Made::Same(_) => {}
                Made::Code(code) => writeln!(self.code, "    {field}: {code},")?,
                Made::Call(call) => writeln!(self.code, "    {field}: constant({call}),")?,
                Made::Bytes(bytes) => {
                    writeln!(self.code, "    {field}: data({}),", self.data.len())?;
                    self.data.extend_from_slice(bytes);
                }
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
                            Field::Longs(longs) => writeln!(self.code, "        {name}: {longs:?},")?,
                        }
                    }
                    writeln!(self.code, "    }},")?;
                }
            }
        }
        writeln!(self.code, "}};\n")
    }

    /// What the numbers of the inputs or outputs stand for. Several are a struct.
    fn ends(&mut self, kind: &str, what: &str, ends: &[End]) -> std::fmt::Result {
        let lowered = self.lowered;
        if let [_, _, ..] = ends {
            let doc = format!("A row of {what}s, one after another.");
            writeln!(
                self.code,
                "/// {doc}\n#[derive(Clone, Copy, Debug, PartialEq)]\n#[repr(C)]\npub struct {kind} {{"
            )?;
            for (n, End { name, row, .. }) in ends.iter().enumerate() {
                writeln!(self.code, "    /// Number {n}.\n    pub {name}: {row},")?;
            }
            let fields: Vec<_> = ends.iter().map(|End { name, row, .. }| format!("{name}: {row}")).collect();
            writeln!(self.code, "}}\n\nfusebox::plain!({kind} {{ {} }});\n", fields.join(", "))?;
        }
        for end in ends {
            let Some(q) = lowered.values[end.value].quantization else { continue };
            let (name, of) = match ends {
                [_] => (kind.to_uppercase(), format!("the {what}")),
                _ => {
                    // Not the same word twice, unless another one has the shorter name.
                    let short = end.name.strip_prefix(&format!("{what}_"));
                    let is_free = |short: &&str| ends.iter().all(|other| other.name != **short);
                    let name = short.filter(is_free).unwrap_or(&end.name);
                    (format!("{kind}_{name}").to_uppercase(), format!("[`{kind}::{}`]", end.name))
                }
            };
            match lowered.values[end.value].kind {
                Kind::Int16 => {
                    let doc = format!("The scale of {of}: what 1 stands for.");
                    self.constant(&name, "f32", &format!("{:?}", q.scale), &doc)?;
                }
                _ => {
                    let doc = format!("What the numbers of {of} stand for.");
                    self.constant(&name, "int8::Quantization", &quantization(q), &doc)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a row has several arrays, so that those of several rows are not one after another, or keeps a state.
    fn is_row_by_row(&self) -> bool {
        self.lowered.inputs.len() > 1 || self.lowered.outputs.len() > 1 || self.lowered.started.is_some()
    }

    /// The implementation of `Layer`.
    fn layer(&mut self) -> std::fmt::Result {
        let lowered = self.lowered;
        let row = |kind: &str, ends: &[End]| match ends {
            [end] => end.row.clone(),
            _ => kind.into(),
        };
        let (input, output) = (row("Input", &lowered.inputs), row("Output", &lowered.outputs));
        writeln!(self.code, "impl Layer for Net {{")?;
        writeln!(self.code, "    type Input = {input};")?;
        writeln!(self.code, "    type Output = {output};")?;
        writeln!(self.code, "    type Scratch = [f32; {}];", self.network.ram() / 4)?;
        writeln!(self.code, "    type InPlace = Beside<Self::Input, Self::Scratch>;\n")?;
        writeln!(self.code, "    const CHECK: () = {{")?;
        for (i, _) in lowered.steps.iter().enumerate().filter(|(_, step)| step.reads.len() == 1) {
            writeln!(self.code, "        layers::arena::check(&NET.{});", self.field(i))?;
        }
        writeln!(self.code, "    }};")?;
        writeln!(self.code, "    const MACS: u64 = {};\n", self.network.macs())?;
        let arena = if self.is_row_by_row() { "arena" } else { self.arena() };
        writeln!(
            self.code,
            "    fn run(&self, isa: Isa, xs: &[Self::Input], {arena}: &mut [f32], ys: &mut [Self::Output]) {{"
        )?;
        if self.is_row_by_row() {
            writeln!(self.code, "        for (x, y) in xs.iter().zip(ys) {{")?;
            if let Some(started) = lowered.started {
                let range = self.range(started);
                writeln!(self.code, "            // Each row is a first frame.")?;
                writeln!(
                    self.code,
                    "            let [started] = layers::arena::parts(arena, 1, [{range}]);"
                )?;
                writeln!(self.code, "            started.fill(0.0);")?;
            }
            writeln!(self.code, "            self.row(isa, x, arena, y);")?;
            writeln!(self.code, "        }}")?;
        } else {
            self.imports()?;
            writeln!(self.code, "        let n = xs.len();")?;
            self.steps()?;
        }
        writeln!(self.code, "    }}\n}}\n")
    }

    /// The implementation of `Stream`, for networks that keep a state.
    fn stream(&mut self) -> std::fmt::Result {
        let lines = "\
impl layers::Stream for Net {
    type Frame = <Self as Layer>::Input;
    type Out = <Self as Layer>::Output;
    type Past = <Self as Layer>::Scratch;
    const DUE: layers::Due = layers::Due::EACH;

    fn step(&self, isa: Isa, past: &mut Self::Past, frame: &Self::Frame, out: &mut Self::Out) -> bool {
        self.row(isa, frame, past, out);
        true
    }
}
";
        writeln!(self.code, "{lines}")
    }

    /// A function that runs one row.
    fn row(&mut self) -> std::fmt::Result {
        let state = match self.lowered.started {
            Some(_) => " `arena` is as the last frame has left it, or zeros before the first.",
            None => "",
        };
        let mut reads = self.lowered.steps.iter().flat_map(|step| &step.reads);
        let x = match reads.any(|read| matches!(self.network.place(read.value), Place::Input(_))) {
            true => "x",
            false => "_",
        };
        let arena = self.arena();
        writeln!(self.code, "impl Net {{\n    /// Runs a row.{state}")?;
        for line in [
            "fn row(",
            "    &self,",
            "    isa: Isa,",
            &format!("    {x}: &<Self as Layer>::Input,"),
            &format!("    {arena}: &mut [f32],"),
            "    y: &mut <Self as Layer>::Output,",
            ") {",
        ] {
            writeln!(self.code, "    {line}")?;
        }
        self.imports()?;
        writeln!(self.code, "        let n = 1;")?;
        if let Some(started) = self.lowered.started {
            self.start(started)?;
        }
        self.steps()?;
        writeln!(self.code, "    }}\n}}\n")
    }

    /// Before the first frame, what is kept has its first values.
    fn start(&mut self, started: usize) -> std::fmt::Result {
        let lowered = self.lowered;
        let names: String = (0..lowered.states.len()).map(|i| format!(", state_{i}")).collect();
        let ranges: Vec<_> = std::iter::once(started)
            .chain(lowered.states.iter().map(|state| state.value))
            .map(|value| self.range(value))
            .collect();
        let ranges = ranges.join(", ");
        writeln!(self.code, "        let [started{names}] = parts(arena, n, [{ranges}]);")?;
        writeln!(self.code, "        if let [started @ 0] = view_mut::<_, u32>(started, n) {{")?;
        writeln!(self.code, "            *started = 1;")?;
        for (i, state) in lowered.states.iter().enumerate() {
            let count = lowered.values[state.value].bytes;
            let first = match &state.start {
                Start::Fill(byte) => format!("[{byte}; {count}]"),
                Start::Data(bytes) => {
                    let at = self.data.len();
                    self.data.extend_from_slice(bytes);
                    format!("const {{ data({at}) }}")
                }
            };
            writeln!(self.code, "            view_mut::<_, [i8; {count}]>(state_{i}, n).fill({first});")?;
        }
        writeln!(self.code, "        }}")
    }

    /// Imports of the layers' calls.
    fn imports(&mut self) -> std::fmt::Result {
        let parts = if self.network.ram() > 0 { "parts, " } else { "" };
        writeln!(self.code, "        use layers::arena::{{{parts}view, view_mut}};")
    }

    /// The layers, one after another, on `n` rows.
    fn steps(&mut self) -> std::fmt::Result {
        (0..self.lowered.steps.len()).try_for_each(|step| self.step(step))
    }

    /// The arena as a parameter of what runs the layers.
    fn arena(&self) -> &'static str {
        if self.network.ram() > 0 { "arena" } else { "_" }
    }

    /// Where a value is in the arena.
    fn range(&self, value: usize) -> String {
        match self.network.place(value) {
            Place::Arena(range) => format!("[{}, {}]", range.start, range.end),
            _ => "[0, 0]".into(),
        }
    }

    /// A layer run: its parts of the arena, and the call.
    fn step(&mut self, i: usize) -> std::fmt::Result {
        let (step, field) = (&self.lowered.steps[i], self.field(i));
        // Names and ranges of the parts that it needs, each once.
        let mut parts: Vec<(&str, Range<usize>)> = Vec::new();
        let mut name_of = |value: usize, name: &'static str, by: &str| -> String {
            match self.network.place(value) {
                Place::Input(n) => self.end(by, "x", n, &self.lowered.inputs),
                Place::Output(n) => self.end(by, "y", n, &self.lowered.outputs),
                Place::Arena(range) => match parts.iter().find(|(_, other)| *other == range) {
                    Some((name, _)) => (*name).into(),
                    None => {
                        parts.push((name, range));
                        name.into()
                    }
                },
            }
        };
        let names = ["a", "b"];
        let reads: Vec<_> =
            step.reads.iter().zip(names).map(|(read, name)| (read, name_of(read.value, name, "&"))).collect();
        let write = name_of(step.write, "to", "&mut ");
        let past = step.past.map(|past| name_of(past, "past", "&mut "));
        let scratch = self.network.scratch(i);
        parts.extend(scratch.clone().map(|range| ("scratch", range)));
        let names: Vec<_> = parts.iter().map(|(name, _)| *name).collect();
        let ranges: Vec<_> =
            parts.iter().map(|(_, range)| format!("[{}, {}]", range.start, range.end)).collect();
        if !names.is_empty() {
            let (names, ranges) = (names.join(", "), ranges.join(", "));
            writeln!(self.code, "        let [{names}] = parts(arena, n, [{ranges}]);")?;
        }
        let count = if step.rows == 1 { "n".into() } else { format!("{} * n", step.rows) };
        // A join takes any rows, so theirs are written.
        let view = |(read, name): &(&Read, String)| match step.reads.len() {
            1 => format!("view({name}, {count})"),
            _ => format!("view::<_, {}>({name}, {count})", read.row),
        };
        let reads: Vec<_> = reads.iter().map(view).collect();
        let write = format!("view_mut({write}, {count})");
        match (&reads[..], past) {
            ([], _) => writeln!(self.code, "        {write}.iter_mut().for_each(|y| *y = self.{field});"),
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
            (reads, _) => {
                let (kind, reads) = (&step.layer.kind, reads.join(", "));
                // A join of real numbers is a type alone.
                match kind.starts_with("layers::") {
                    true => writeln!(
                        self.code,
                        "        <{kind} as layers::Join<_, _>>::join(isa, {reads}, {write});"
                    ),
                    false => {
                        writeln!(self.code, "        int8::Join::join(&self.{field}, isa, {reads}, {write});")
                    }
                }
            }
        }
    }

    /// An input or output of the network, of rows `xs` or `ys`, or of one row `x` or `y`, as a slice by reference.
    fn end(&self, by: &str, row: &str, n: usize, ends: &[End]) -> String {
        let from = if by == "&" { "core::slice::from_ref" } else { "core::slice::from_mut" };
        match (self.is_row_by_row(), ends) {
            (false, _) => format!("{row}s"),
            (true, [_]) => format!("{from}({row})"),
            (true, _) => format!("{from}({by}{row}.{})", ends[n].name),
        }
    }

    /// What the constants call.
    fn helpers(&mut self, data: &str) -> std::fmt::Result {
        for (name, number) in [("Picture", "i8"), ("WidePicture", "i16"), ("RealPicture", "f32")] {
            if self.code.contains(&format!(" {name}<")) || self.code.contains(&format!("<{name}<")) {
                writeln!(self.code, "/// A picture of `H` rows of `W` pixels of `C` numbers.")?;
                writeln!(
                    self.code,
                    "type {name}<const H: usize, const W: usize, const C: usize> = [[[{number}; C]; W]; H];\n"
                )?;
            }
        }
        let is_called = self.code.contains("constant(");
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
