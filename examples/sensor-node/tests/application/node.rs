//! The node in a field that a test moves: what it says, and what its light does.

use crate::board::{Board, Memory as Chip, Port};
use embedded_hal::i2c::ErrorKind;
use embedded_hal_mock::eh1::delay::NoopDelay;
use embedded_hal_mock::eh1::{digital, i2c};
use fusebox::Rng;
use sensor_node::Node;
use sensor_node::eeprom::PAGE;
use sensor_node::learner::{EPOCHS, SAMPLES};
use sensor_node::magnetometer::RESOLUTION;
use sensor_node::model::WINDOW;
use sensor_node::node::{Memory, State};
use sensor_node::slots::{BYTES, PAGES, SLOT};

type Simulated<'a> = Node<'a, Board, Board, Board, Port>;

/// The field of the room, in counts.
const ROOM: [i16; 3] = [220, 55, 412];
/// A magnet brought near.
const MAGNET: [i16; 3] = [260, 20, 470];

/// A field about which the sensor, and something that hums, make noise: some counts along all axes, and more along one.
struct Field {
    rng: Rng,
    centre: [i16; 3],
}

impl Field {
    fn new(centre: [i16; 3]) -> Self {
        Self { rng: Rng::new(3), centre }
    }

    /// Of bounded noise, so that no window is abnormal by chance.
    fn next(&mut self) -> [i16; 3] {
        let mut noise = |size: f32| (size * (2.0 * self.rng.uniform() - 1.0)) as i16;
        let hum = noise(12.0);
        let [x, y, z] = self.centre;
        [x + hum + noise(4.0), y - hum + noise(4.0), z + noise(4.0)]
    }
}

fn start<'a>(board: &Board, memory: &'a mut Memory) -> Simulated<'a> {
    Node::start(board.clone(), board.clone(), board.clone(), Port(board.clone()), memory)
}

/// Steps in a field; gives the lines that came of it.
fn steps(node: &mut Simulated<'_>, board: &Board, field: &mut Field, count: usize) -> Vec<String> {
    for _ in 0..count {
        board.0.borrow_mut().sensor.field = field.next();
        node.step();
    }
    board.lines()
}

/// Steps enough to learn anew and to save.
const LEARN: usize = SAMPLES + EPOCHS as usize + 1;

fn starting_with<'a>(lines: &'a [String], start: &str) -> Vec<&'a String> {
    lines.iter().filter(|line| line.starts_with(start)).collect()
}

/// The number after a word of a line.
fn number(line: &str, word: &str) -> f32 {
    let mut words = line.split(' ').skip_while(|&other| other != word);
    words.nth(1).and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {word} in {line}"))
}

#[test]
fn learns_watches_and_learns_again() {
    let (board, mut memory, mut field) = (Board::blank(), Memory::new(), Field::new(ROOM));
    let mut node = start(&board, &mut memory);
    assert_eq!(
        board.lines(),
        [
            "sensor-node: windows of 8, a model of 1692 B",
            "not loaded: no model: slot 0 is blank, slot 1 is blank"
        ]
    );
    let lines = steps(&mut node, &board, &mut field, LEARN);
    assert_eq!(node.state(), State::Watching);
    for quarter in 1..=4 {
        assert!(lines.contains(&format!("gathered {}/256", 64 * quarter)));
    }
    let losses: Vec<f32> =
        starting_with(&lines, "learning").iter().map(|line| number(line, "loss")).collect();
    assert_eq!(losses.len(), 7);
    assert!(losses[0] > 1.0 && losses[6] < 0.5, "{losses:?}");
    assert_eq!(starting_with(&lines, "page").len(), PAGES);
    assert_eq!(lines.last().unwrap(), "saved slot 0 sequence 1");

    // Normal: quiet, and a line now and then.
    let lines = steps(&mut node, &board, &mut field, 4000);
    assert_eq!(starting_with(&lines, "normal").len(), 4000 / 128);
    assert_eq!(lines.len(), 4000 / 128);
    assert!(!board.0.borrow().light);

    // A magnet: the light and a line, once; as long as it is there, the light stays on.
    field.centre = MAGNET;
    let lines = steps(&mut node, &board, &mut field, 200);
    assert!(lines[0].starts_with("ANOMALY err "));
    assert!(number(&lines[0], "err") > number(&lines[0], "limit"));
    assert_eq!(starting_with(&lines, "ANOMALY").len(), 1);
    assert!(starting_with(&lines[1..], "abnormal").len() == lines.len() - 1);
    assert!(board.0.borrow().light);

    // Taken away.
    field.centre = ROOM;
    let lines = steps(&mut node, &board, &mut field, 1000);
    assert!(lines[0].starts_with("quiet err "));
    assert!(starting_with(&lines, "ANOMALY").is_empty() && !board.0.borrow().light);

    // With the magnet as what is normal.
    field.centre = MAGNET;
    steps(&mut node, &board, &mut field, 20);
    assert!(board.0.borrow().light);
    board.type_line("learn");
    let lines = steps(&mut node, &board, &mut field, LEARN);
    assert_eq!(lines.last().unwrap(), "saved slot 1 sequence 2");
    let lines = steps(&mut node, &board, &mut field, 2000);
    assert!(starting_with(&lines, "ANOMALY").is_empty() && !board.0.borrow().light);
    field.centre = ROOM;
    let lines = steps(&mut node, &board, &mut field, 20);
    assert_eq!(starting_with(&lines, "ANOMALY").len(), 1);
    board.type_line("status");
    let lines = steps(&mut node, &board, &mut field, 1);
    assert_eq!(lines[..2], ["status watching, anomalies 3", "status saved slot 1 sequence 2"]);

    // A restart watches with what was learnt last.
    let model = *node.model().unwrap();
    let mut memory = Memory::new();
    let mut node = start(&board, &mut memory);
    let lines = board.lines();
    assert!(lines[1].starts_with("loaded slot 1 sequence 2 limit "));
    assert_eq!((node.state(), node.model()), (State::Watching, Some(&model)));
    assert!(!board.0.borrow().light);
    field.centre = MAGNET;
    let lines = steps(&mut node, &board, &mut field, 2000);
    assert_eq!(starting_with(&lines, "normal").len(), lines.len());
}

/// What stands still is learnt too: then the sensor's own noise is the measure of what is not.
#[test]
fn a_field_that_stands_still() {
    let (board, mut memory) = (Board::blank(), Memory::new());
    let mut node = start(&board, &mut memory);
    for _ in 0..LEARN {
        node.step();
    }
    assert_eq!(node.state(), State::Watching);
    assert_eq!(node.model().unwrap().limit, 1.0);
    board.lines();
    // One count along each axis is noise, eight are not.
    board.0.borrow_mut().sensor.field = [221, 56, 413];
    (0..100).for_each(|_| node.step());
    assert!(!board.0.borrow().light);
    board.0.borrow_mut().sensor.field = [228, 55, 412];
    (0..10).for_each(|_| node.step());
    assert!(board.0.borrow().light);
}

#[test]
fn a_field_that_is_too_strong() {
    let (board, mut memory, mut field) = (Board::blank(), Memory::new(), Field::new(ROOM));
    let mut node = start(&board, &mut memory);
    // Nothing to learn from, and what was gathered before it does not go together with what comes after.
    steps(&mut node, &board, &mut field, 100);
    board.0.borrow_mut().sensor.field[1] = -4096;
    (0..50).for_each(|_| node.step());
    assert_eq!(board.lines(), ["sensor: the field is out of range along y"]);
    let lines = steps(&mut node, &board, &mut field, LEARN - 1);
    assert_eq!(lines[0], "sensor answers");
    assert_ne!(node.state(), State::Watching);
    steps(&mut node, &board, &mut field, 1);
    assert_eq!(node.state(), State::Watching);
    board.lines();
    board.0.borrow_mut().sensor.field[2] = -4096;
    (0..50).for_each(|_| node.step());
    assert_eq!(board.lines(), ["ANOMALY field out of range along z"]);
    assert!(board.0.borrow().light);
    let lines = steps(&mut node, &board, &mut field, 50);
    assert!(lines.len() == 1 && lines[0].starts_with("quiet"), "{lines:?}");
    assert!(!board.0.borrow().light);
}

/// A sensor that is missing, is another part, or comes and goes: it is told once, and the node goes on where it was.
#[test]
fn a_sensor_that_does_not_answer() {
    let (board, mut memory, mut field) = (Board::blank(), Memory::new(), Field::new(ROOM));
    board.0.borrow_mut().sensor.present = false;
    let mut node = start(&board, &mut memory);
    assert_eq!(board.lines().last().unwrap(), "sensor: magnetometer does not answer");
    assert!(steps(&mut node, &board, &mut field, 50).is_empty());
    assert!(board.0.borrow().nanoseconds >= 50 * 100_000_000);
    board.type_line("status");
    let lines = steps(&mut node, &board, &mut field, 1);
    let expected = [
        "status gathering, anomalies 0",
        "status nothing saved",
        "status sensor: magnetometer does not answer",
    ];
    assert_eq!(lines, expected);

    board.0.borrow_mut().sensor.present = true;
    board.0.borrow_mut().sensor.identity = [1, 2, 3];
    let lines = steps(&mut node, &board, &mut field, 50);
    assert_eq!(lines, ["sensor: no LSM303DLHC: expected the identity 48 34 33, got 01 02 03"]);
    board.0.borrow_mut().sensor.identity = *b"H43";
    let lines = steps(&mut node, &board, &mut field, LEARN);
    assert_eq!(lines[0], "sensor answers");
    assert_eq!(node.state(), State::Watching);

    // It lost its power, and with it its settings. Watching goes on, and no window spans the gap.
    let model = *node.model().unwrap();
    board.0.borrow_mut().sensor.present = false;
    let lines = steps(&mut node, &board, &mut field, 10);
    assert_eq!(lines, ["sensor: magnetometer does not answer"]);
    board.0.borrow_mut().sensor.present = true;
    board.0.borrow_mut().sensor.registers = [0x10, 0x20, 3];
    let lines = steps(&mut node, &board, &mut field, 500);
    assert_eq!(lines[0], "sensor answers");
    assert_eq!(starting_with(&lines[1..], "normal").len(), lines.len() - 1);
    assert_eq!((node.state(), node.model()), (State::Watching, Some(&model)));

    board.0.borrow_mut().broken = Some(ErrorKind::Bus);
    let lines = steps(&mut node, &board, &mut field, 10);
    assert!(lines.len() == 1 && lines[0].starts_with("sensor: magnetometer: "), "{lines:?}");
}

/// After each start of the sensor, the first sample is a measurement, and not what its registers hold until there is one.
#[test]
fn a_sensor_that_was_just_started() {
    let (board, mut memory) = (Board::blank(), Memory::new());
    board.0.borrow_mut().sensor.present = false;
    let mut node = start(&board, &mut memory);
    for _ in 0..2 {
        // Without power, then with it, so that gathering begins with a start.
        node.step();
        board.0.borrow_mut().sensor.present = true;
    }
    (0..LEARN - 1).for_each(|_| node.step());
    assert_eq!(node.state(), State::Watching);
    let standardize = node.model().unwrap().standardize;
    let room = [220.0, 55.0, 412.0];
    for ((got, counts), gain) in standardize.mean.into_iter().zip(room).zip([1100.0, 1100.0, 980.0]) {
        assert!((got - counts * (100.0 / gain)).abs() < 1e-4, "{got} µT is not {counts} counts");
    }
    assert_eq!(standardize.std, [RESOLUTION; 3]);

    // Watching, a gap.
    board.0.borrow_mut().sensor.present = false;
    node.step();
    board.0.borrow_mut().sensor.present = true;
    board.0.borrow_mut().sensor.registers = [0x10, 0x20, 3];
    board.lines();
    for _ in 0..2 * WINDOW {
        node.step();
        assert!(!board.0.borrow().light);
    }
    assert_eq!(board.lines(), ["sensor answers"]);

    // A start that finds a model, and with it a sensor that has no measurement yet.
    board.0.borrow_mut().sensor.registers = [0x10, 0x20, 3];
    let mut memory = Memory::new();
    let mut node = start(&board, &mut memory);
    for _ in 0..2 * WINDOW {
        node.step();
        assert!(!board.0.borrow().light);
    }
}

/// A window is of samples that follow one another: after a gap, the first one comes with the eighth sample.
#[test]
fn no_window_spans_a_gap() {
    let gaps: [fn(&Board, &mut Simulated<'_>); 2] = [
        |board, node| {
            board.0.borrow_mut().sensor.present = false;
            node.step();
            board.0.borrow_mut().sensor.present = true;
        },
        |board, _| board.type_line("save"),
    ];
    let (board, mut memory, mut field) = (Board::blank(), Memory::new(), Field::new(ROOM));
    let mut node = start(&board, &mut memory);
    steps(&mut node, &board, &mut field, LEARN);
    for gap in gaps {
        for before in 1..=WINDOW {
            field.centre = ROOM;
            steps(&mut node, &board, &mut field, 30 + before);
            gap(&board, &mut node);
            field.centre = MAGNET;
            steps(&mut node, &board, &mut field, WINDOW - 1);
            assert!(!board.0.borrow().light);
            steps(&mut node, &board, &mut field, 1);
            assert!(board.0.borrow().light);
        }
    }
}

/// Memories that cannot be used: the node says why, and learns and watches all the same.
#[test]
fn bad_memories() {
    let absent = Chip { present: false, ..Chip::new(BYTES) };
    let protected = Chip { writable: false, ..Chip::new(BYTES) };
    let corrupt = Chip { bytes: vec![0x55; BYTES], ..Chip::new(BYTES) };
    let corrupt_and_protected = Chip { writable: false, ..corrupt.clone() };
    let cases = [
        (absent, "not loaded: EEPROM does not answer", "not saved: EEPROM does not answer"),
        (
            protected,
            "not loaded: no model: slot 0 is blank, slot 1 is blank",
            "not saved: EEPROM does not keep what is written",
        ),
        (
            Chip::new(SLOT),
            "not loaded: no model: slot 0 is blank, slot 1 is blank",
            "not saved: EEPROM is too short: expected 4096 bytes",
        ),
        (corrupt, "not loaded: no model: slot 0 is corrupt, slot 1 is corrupt", "saved slot 0 sequence 1"),
        (
            corrupt_and_protected,
            "not loaded: no model: slot 0 is corrupt, slot 1 is corrupt",
            "not saved: EEPROM does not keep what is written",
        ),
    ];
    for (chip, loaded, saved) in cases {
        let (board, mut memory, mut field) = (Board::new(chip), Memory::new(), Field::new(ROOM));
        let mut node = start(&board, &mut memory);
        assert_eq!(board.lines()[1], loaded);
        let lines = steps(&mut node, &board, &mut field, LEARN);
        assert_eq!(lines.last().unwrap(), saved);
        let lines = steps(&mut node, &board, &mut field, 500);
        assert_eq!(starting_with(&lines, "normal").len(), lines.len());
        field.centre = MAGNET;
        let lines = steps(&mut node, &board, &mut field, 20);
        assert_eq!(starting_with(&lines, "ANOMALY").len(), 1);

        // Another one in its place, and nothing is lost.
        board.0.borrow_mut().memory = Chip::new(BYTES);
        board.type_line("save");
        let lines = steps(&mut node, &board, &mut field, 1);
        assert!(lines.contains(&"saved slot 0 sequence 1".to_string()), "{lines:?}");
        let model = *node.model().unwrap();
        let mut memory = Memory::new();
        assert_eq!(start(&board, &mut memory).model(), Some(&model));
    }
}

/// Makes a memory one that cannot be erased.
type Spoil = fn(&Chip) -> Chip;

/// What cannot be forgotten is still known, and `status` says what a restart would find.
#[test]
fn not_forgotten() {
    let protect = |chip: &Chip| Chip { writable: false, ..chip.clone() };
    let unplug = |chip: &Chip| Chip { present: false, ..chip.clone() };
    // Half of it worked: the older model's header is erased.
    let half = |chip: &Chip| {
        let mut chip = Chip { writable: false, ..chip.clone() };
        chip.bytes[..PAGE].fill(0xff);
        chip
    };
    let damage = |chip: &Chip| Chip { bytes: vec![0x55; BYTES], writable: false, ..chip.clone() };
    let not_kept = "not forgotten: EEPROM does not keep what is written";
    let saved = "status saved slot 1 sequence 2";
    let cases: [(Spoil, &str, &str); 4] = [
        (protect, not_kept, saved),
        (half, not_kept, saved),
        (unplug, "not forgotten: EEPROM does not answer", saved),
        (damage, not_kept, "status nothing saved"),
    ];
    for (spoil, forgotten, status) in cases {
        let (board, mut memory, mut field) = (Board::blank(), Memory::new(), Field::new(ROOM));
        let mut node = start(&board, &mut memory);
        steps(&mut node, &board, &mut field, LEARN);
        board.type_line("save");
        steps(&mut node, &board, &mut field, 1);
        let model = *node.model().unwrap();
        let spoilt = spoil(&board.0.borrow().memory);
        board.0.borrow_mut().memory = spoilt;
        board.type_line("forget");
        board.type_line("status");
        let lines = steps(&mut node, &board, &mut field, 1);
        assert_eq!(lines, [forgotten, "status gathering, anomalies 0", status]);
        assert_eq!(node.model(), Some(&model));

        board.0.borrow_mut().memory.present = true;
        let mut memory = Memory::new();
        let found = start(&board, &mut memory).model().copied();
        assert_eq!(found, (status == saved).then_some(model), "{status}");
    }
}

#[test]
fn commands() {
    let (board, mut memory, mut field) = (Board::blank(), Memory::new(), Field::new(ROOM));
    let mut node = start(&board, &mut memory);
    board.lines();
    let help = "commands: learn, save, forget, status";
    board.type_line("save");
    assert_eq!(steps(&mut node, &board, &mut field, 1), ["not saved: nothing was learnt yet"]);
    board.type_line("dance");
    board.type_line("a line that is much longer than any command, and none");
    board.type_line("\r\n\n");
    board.type_line("status\r");
    let lines = steps(&mut node, &board, &mut field, 1);
    assert_eq!(lines, [help, help, "status gathering, anomalies 0", "status nothing saved"]);
    // A command that comes in pieces, while the node does something else.
    steps(&mut node, &board, &mut field, LEARN);
    for letter in "forge".bytes() {
        board.0.borrow_mut().input.push_back(letter);
        assert!(starting_with(&steps(&mut node, &board, &mut field, 1), "forg").is_empty());
    }
    board.type_line("t");
    assert_eq!(steps(&mut node, &board, &mut field, 1)[0], "forgotten");
    assert_eq!((node.state(), node.model()), (State::Gathering, None));
    // Nothing is left after a restart.
    let mut memory = Memory::new();
    let node = start(&board, &mut memory);
    assert_eq!(node.model(), None);
}

/// Told to learn in the middle of learning, and of training, it begins anew; what it knew before is kept until it is done.
#[test]
fn learn_again_and_again() {
    let (board, mut memory, mut field) = (Board::blank(), Memory::new(), Field::new(ROOM));
    let mut node = start(&board, &mut memory);
    steps(&mut node, &board, &mut field, LEARN);
    let model = *node.model().unwrap();
    for after in [1, SAMPLES - 1, SAMPLES, SAMPLES + 1, LEARN - 2] {
        board.type_line("learn");
        steps(&mut node, &board, &mut field, after);
        assert_eq!(node.model(), Some(&model));
        assert_ne!(node.state(), State::Watching);
    }
    board.type_line("learn");
    steps(&mut node, &board, &mut field, LEARN);
    assert_eq!(node.state(), State::Watching);
    assert_ne!(node.model(), Some(&model));
}

/// A magnet that is waved about while it learns: still a model of finite numbers.
#[test]
fn learns_in_a_wild_field() {
    let (board, mut memory, mut rng) = (Board::blank(), Memory::new(), Rng::new(8));
    let mut node = start(&board, &mut memory);
    for _ in 0..LEARN + 10 {
        // The largest numbers that there are, and 2047 for a moment.
        let wild = if rng.below(40) == 0 { 2047 } else { -2048 };
        board.0.borrow_mut().sensor.field = [wild, -wild - 1, wild];
        node.step();
    }
    assert_eq!(node.state(), State::Watching);
    let model = node.model().unwrap();
    assert!(model.limit.is_finite() && model.limit > 0.0);
}

/// The start, and one step, against `embedded-hal-mock`: every message on the bus, and every level of the pin.
#[test]
fn to_the_byte() {
    use i2c::Transaction;
    let page = |at: usize| Transaction::write_read(0x50, (at as u16).to_be_bytes().to_vec(), vec![0xff; 32]);
    let expected = [
        // Both headers, and for each slot what it holds.
        page(0),
        page(SLOT),
        page(0),
        page(SLOT),
        Transaction::write_read(0x1e, vec![0x0a], b"H43".to_vec()),
        Transaction::write(0x1e, vec![0x00, 0x1c]),
        Transaction::write(0x1e, vec![0x01, 0x20]),
        Transaction::write(0x1e, vec![0x02, 0x00]),
        Transaction::write_read(0x1e, vec![0x03], vec![0, 220, 1, 0x9c, 0, 55]),
    ];
    let mut bus = i2c::Mock::new(&expected);
    let mut light = digital::Mock::new(&[digital::Transaction::set(digital::State::Low)]);
    let board = Board::blank();
    board.type_line("learn");
    let mut memory = Memory::new();
    let mut node =
        Node::start(bus.clone(), light.clone(), NoopDelay::new(), Port(board.clone()), &mut memory);
    node.step();
    assert_eq!(node.state(), State::Gathering);
    bus.done();
    light.done();
}
