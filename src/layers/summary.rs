//! A network as a table: its layers, and what each of them costs.

use super::{Layer, Train};
use core::fmt;

/// A network's layers, one a line, with output shapes, parameters, multiply-accumulates per row of input and, for
/// training, bytes of tape per row of the batch. Displayed as a table; nothing of it is in a program that does not
/// use it.
///
/// ```
/// use fusebox::{Dense, Relu, Residual, Seq, layers::Summary};
/// type Net = Seq![Dense<64, 32, Relu>, Residual<Seq![Dense<32, 16, Relu>, Dense<16, 32>]>, Dense<32, 10>];
/// assert_eq!(
///     Summary::of_training::<Net>().to_string(),
///     "\
/// ##  Layer    Output  Parameters  MACs  Tape
/// 1  Dense    32            2080  2048   128
///    Residual 32               0     0   128
/// 2    Dense  16             528   512    64
/// 3    Dense  32             544   512     0
/// 4  Dense    10             330   320     0
///    Total                  3482  3392   320
/// "
/// );
/// ```
///
/// A layer's tape includes its outputs, if they are stored for the next layer. A layer of your own has a line without
/// more code; its [`Layer::MACS`] is what it declares.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    layers: &'static Entry,
    tapes: Option<&'static Tapes>,
}

/// A layer in a [`Summary`], with the layers inside it: see [`Layer::SUMMARY`].
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    name: fn() -> &'static str,
    output: fn() -> &'static str,
    /// Of the layer itself.
    parameters: usize,
    /// Of the layer itself.
    macs: u64,
    form: Form,
    /// How many of the parts there are, and how often each of them runs.
    times: (usize, usize),
    parts: [Option<&'static Entry>; 2],
}

/// How a layer is displayed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// A numbered one.
    Layer,
    /// One without a number, and its parts after it, indented.
    Parts,
    /// None; its parts instead.
    Hidden,
}

impl Entry {
    /// A layer without others inside: its name, output and size are those of the type `L`.
    pub const fn layer<L: Layer>() -> Self {
        Self {
            name: core::any::type_name::<L>,
            output: core::any::type_name::<L::Output>,
            parameters: size_of::<L>() / size_of::<f32>(),
            macs: L::MACS,
            form: Form::Layer,
            times: (1, 1),
            parts: [None; 2],
        }
    }

    /// A layer made of others: a line of its own, then theirs.
    pub const fn parts<L: Layer>(parts: [Option<&'static Self>; 2]) -> Self {
        Self { parameters: 0, form: Form::Parts, parts, ..Self::layer::<L>() }
    }

    /// Layers made of others, of which only the others have lines.
    pub const fn hidden<L: Layer>(parts: [Option<&'static Self>; 2]) -> Self {
        Self { form: Form::Hidden, ..Self::parts::<L>(parts) }
    }

    /// The same with another name than the type's.
    pub const fn named(self, name: fn() -> &'static str) -> Self {
        Self { name, ..self }
    }

    /// The same with another number of parameters of the layer itself.
    pub const fn with_parameters(self, parameters: usize) -> Self {
        Self { parameters, ..self }
    }

    /// There are `copies` of the parts, each with its own parameters, and each runs `runs` times for a row.
    pub const fn times(self, copies: usize, runs: usize) -> Self {
        Self { times: (copies, runs), ..self }
    }
}

/// The bytes that a layer and those inside it store per row: see [`Train::TAPES`].
#[derive(Clone, Copy, Debug)]
pub struct Tapes {
    own: usize,
    parts: [Option<&'static Tapes>; 2],
}

impl Tapes {
    /// A layer stores `own` bytes, and the layers inside it theirs: the same as in its [`Layer::SUMMARY`], in the
    /// same order.
    pub const fn new(own: usize, parts: [Option<&'static Self>; 2]) -> Self {
        Self { own, parts }
    }
}

/// A line of a [`Summary`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// From 1; `None` for a layer made of others.
    pub number: Option<usize>,
    /// How many layers this one is inside of.
    pub depth: usize,
    /// The layer's type, without its parameters.
    pub name: &'static str,
    /// The type of a row of its output.
    pub output: &'static str,
    /// Numbers that the layer itself owns.
    pub parameters: usize,
    /// Multiply-accumulates of its products for one row of the network's input.
    pub macs: u64,
    /// Bytes that it stores per row of the batch in training, in addition to what the network's input and output need.
    pub tape: usize,
}

impl Row {
    const NONE: Self = Self { number: None, depth: 0, name: "", output: "", parameters: 0, macs: 0, tape: 0 };
}

/// The position of a layer in the tree.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    copies: usize,
    runs: usize,
    /// Bytes that the layer around stores of this one's outputs.
    outputs: usize,
}

impl Summary {
    /// The layers of `N`.
    pub const fn of<N: Layer>() -> Self {
        Self { layers: const { &N::SUMMARY }, tapes: None }
    }

    /// The layers of `N`, with what training stores.
    pub const fn of_training<N: Train>() -> Self {
        Self { layers: const { &N::SUMMARY }, tapes: Some(const { &N::TAPES }) }
    }

    /// Calls `visit` with each line, in order.
    pub fn for_each(&self, mut visit: impl FnMut(&Row)) {
        let place = Place { depth: 0, copies: 1, runs: 1, outputs: 0 };
        walk(self.layers, self.tapes, place, &mut 0, &mut visit);
    }

    /// The sums over all lines; its name and output are empty.
    pub fn total(&self) -> Row {
        let mut total = Row::NONE;
        self.for_each(|row| {
            total.parameters += row.parameters;
            total.macs += row.macs;
            total.tape += row.tape;
        });
        total
    }
}

fn walk(entry: &Entry, tapes: Option<&Tapes>, place: Place, layers: &mut usize, visit: &mut dyn FnMut(&Row)) {
    let own = tapes.map_or(0, |tapes| tapes.own);
    let hidden = entry.form == Form::Hidden;
    if !hidden {
        let number = (entry.form == Form::Layer).then(|| {
            *layers += 1;
            *layers
        });
        visit(&Row {
            number,
            depth: place.depth,
            name: short((entry.name)()),
            output: (entry.output)(),
            parameters: entry.parameters * place.copies,
            macs: entry.macs * place.runs as u64,
            tape: (own + place.outputs) * place.runs,
        });
    }
    let count = entry.parts.iter().flatten().count();
    for (i, part) in entry.parts.iter().flatten().enumerate() {
        // What a hidden layer stores are outputs of its first part, and what is stored of its own are those of its
        // last.
        let outputs = match (hidden, i + 1 == count) {
            (false, _) => 0,
            (true, true) => place.outputs + if i == 0 { own } else { 0 },
            (true, false) => own,
        };
        let inside = Place {
            depth: place.depth + usize::from(!hidden),
            copies: place.copies * entry.times.0,
            runs: place.runs * entry.times.1,
            outputs,
        };
        walk(part, tapes.and_then(|tapes| *tapes.parts.get(i)?), inside, layers, visit);
    }
}

/// The name of a type without its path and its parameters. (Searches in texts can panic; those in bytes do not.)
fn short(name: &'static str) -> &'static str {
    let (mut start, mut end) = (0, name.len());
    for (i, byte) in name.bytes().enumerate() {
        match byte {
            b':' => start = i + 1,
            b'<' => {
                end = i;
                break;
            }
            _ => {}
        }
    }
    name.get(start..end).unwrap_or(name)
}

/// The element and the size in the name of an array's type, `[element; size]`.
fn array(name: &'static str) -> Option<(&'static str, &'static str)> {
    let end = name.len().checked_sub(1)?;
    if name.as_bytes().first() != Some(&b'[') || name.as_bytes().last() != Some(&b']') {
        return None;
    }
    let mut semicolon = None;
    for (i, byte) in name.bytes().enumerate() {
        semicolon = if byte == b';' { Some(i) } else { semicolon };
    }
    Some((name.get(1..semicolon?)?, name.get(semicolon? + 2..end)?))
}

/// The sizes in the name of an array's type, from the outermost: `[[f32; 2]; 3]` is `3 x 2`. The name of any other
/// type is shortened.
#[derive(Clone, Copy)]
struct Shape(&'static str);

impl Shape {
    fn write(self, to: &mut dyn fmt::Write) -> fmt::Result {
        let (mut rest, mut first) = (self.0, true);
        while let Some((element, size)) = array(rest) {
            to.write_str(if first { "" } else { " x " })?;
            to.write_str(size)?;
            (rest, first) = (element, false);
        }
        if first {
            to.write_str(short(rest))?;
        }
        Ok(())
    }
}

/// Counts what is written.
struct Width(usize);

impl fmt::Write for Width {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.chars().count();
        Ok(())
    }
}

fn width(value: impl fmt::Display) -> usize {
    let mut width = Width(0);
    match fmt::write(&mut width, format_args!("{value}")) {
        Ok(()) => width.0,
        Err(_) => 0,
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

/// Writes `value` and spaces up to `width`, after it or before it. (A width in a format string can panic.)
fn padded(
    f: &mut fmt::Formatter<'_>,
    value: impl fmt::Display + Copy,
    to: usize,
    after: bool,
) -> fmt::Result {
    if after {
        write!(f, "{value}")?;
    }
    for _ in width(value)..to {
        f.write_str(" ")?;
    }
    if after { Ok(()) } else { write!(f, "{value}") }
}

/// The widths of a table's columns.
struct Columns {
    number: usize,
    name: usize,
    output: usize,
    parameters: usize,
    macs: usize,
    tape: usize,
}

impl Columns {
    fn of(summary: &Summary, total: &Row) -> Self {
        let (mut last, mut name, mut output) = (1, "Layer".len(), "Output".len());
        summary.for_each(|row| {
            last = row.number.unwrap_or(last);
            name = name.max(2 * row.depth + width(row.name));
            output = output.max(width(Shape(row.output)));
        });
        Self {
            number: width(last),
            name,
            output,
            parameters: "Parameters".len().max(width(total.parameters)),
            macs: "MACs".len().max(width(total.macs)),
            tape: "Tape".len().max(width(total.tape)),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, row: &Row, tape: bool) -> fmt::Result {
        match row.number {
            Some(number) => padded(f, number, self.number, false)?,
            None => padded(f, "", self.number, false)?,
        }
        padded(f, "", 2 + 2 * row.depth, true)?;
        padded(f, row.name, self.name.saturating_sub(2 * row.depth), true)?;
        f.write_str(" ")?;
        padded(f, Shape(row.output), self.output, true)?;
        padded(f, row.parameters, self.parameters + 2, false)?;
        padded(f, row.macs, self.macs + 2, false)?;
        if tape {
            padded(f, row.tape, self.tape + 2, false)?;
        }
        f.write_str("\n")
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (total, tape) = (self.total(), self.tapes.is_some());
        let columns = Columns::of(self, &total);
        padded(f, "#", columns.number + 2, true)?;
        padded(f, "Layer", columns.name + 1, true)?;
        padded(f, "Output", columns.output, true)?;
        padded(f, "Parameters", columns.parameters + 2, false)?;
        padded(f, "MACs", columns.macs + 2, false)?;
        if tape {
            padded(f, "Tape", columns.tape + 2, false)?;
        }
        f.write_str("\n")?;
        let mut written = Ok(());
        self.for_each(|row| {
            if written.is_ok() {
                written = columns.write(f, row, tape);
            }
        });
        written?;
        columns.write(f, &Row { name: "Total", ..total }, tape)
    }
}
