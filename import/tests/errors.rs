//! What is not supported is an error that says what and where.

mod support;

use fusebox_import::{Network, Options, Runtime, write};
use support::{
    FLOAT32, INT8, Operator, Setting, Tensor, branches, delay, file, file_of, file_of_two, operator,
};

/// The kind of whole numbers of 16 bits.
const INT16: i8 = 7;

/// A fully connected layer of 2 to 1, and what is changed of it.
fn error(change: impl FnOnce(&mut Vec<Tensor>, &mut Vec<Operator>)) -> String {
    let mut tensors = vec![
        Tensor::int8(&[1, 2], 0.5, 0),
        Tensor::weights(&[1, 2], 0.25, &[1, -2]),
        Tensor::of(&[3]),
        Tensor::int8(&[1, 1], 0.5, 0),
    ];
    let mut operators = vec![operator(9, &[0, 1, 2], 3)];
    let read = |tensors: &[Tensor], operators: &[Operator]| {
        Network::read(&file(tensors, operators, 0, 3), &Options::default())
    };
    read(&tensors, &operators).expect("is supported as it is");
    change(&mut tensors, &mut operators);
    read(&tensors, &operators).expect_err("is not supported").to_string()
}

#[test]
fn errors_name_the_operator_and_the_tensor() {
    let at = |what| format!("operator 0 (FULLY_CONNECTED): {what}");
    assert_eq!(error(|_, ops| ops[0].code = 125), "operator 0 (SEGMENT_SUM): the operator is not supported");
    assert_eq!(error(|_, ops| ops[0].code = 999), "operator 0: its number 999 is not known");
    // A custom operator is not what it is called.
    assert_eq!(error(|_, ops| ops[0].code = 32), "operator 0 (RESHAPE): custom operators are not supported");
    assert_eq!(error(|_, ops| ops[0].inputs[1] = 9), at("tensor 9 of 4"));
    assert_eq!(error(|_, ops| ops[0].inputs[0] = -1), at("input 0 is missing"));
    assert_eq!(
        error(|_, ops| ops[0].inputs[0] = 3),
        at("tensor 3 `t3`: no earlier operator writes it: the graph has a cycle, or its order is wrong")
    );
    assert_eq!(error(|_, ops| ops[0].outputs[0] = 0), at("tensor 0 `t0`: is written twice"));
    assert_eq!(error(|_, ops| ops.clear()), "tensor 3 `t3`: the output is written by no operator");
    let tanh = Setting::Byte(4);
    assert_eq!(
        error(|_, ops| ops[0] = ops[0].clone().with(0, tanh)),
        at("the activation TANH inside the operator is not supported")
    );
    assert_eq!(
        error(|tensors, _| tensors[3].shape[1] = -1),
        at(
            "tensor 3 `t3`: a dimension that is known only at run time: convert a model whose batch has a fixed size"
        )
    );
    assert_eq!(
        error(|tensors, _| tensors[3].shape = vec![1 << 16, 1 << 16]),
        at("tensor 3 `t3`: the shape [65536, 65536] has 2^31 elements or more")
    );
    assert_eq!(
        error(|tensors, _| tensors[3].scale.clear()),
        at("tensor 3 `t3`: it has no quantisation: convert with full integer quantisation")
    );
    assert_eq!(
        error(|tensors, _| tensors[3].zero[0] = 200),
        at("tensor 3 `t3`: its zero is 200, not from -128 to 127")
    );
    assert_eq!(
        error(|tensors, _| tensors[1].zero[0] = 1),
        at("tensor 1 `t1`: the zero of weights is 1, not 0")
    );
    assert_eq!(
        error(|tensors, _| tensors[1].scale[0] = -1.0),
        at("tensor 1 `t1`: the scale -1 is not positive and finite")
    );
    assert_eq!(
        error(|tensors, _| tensors[1].scale = vec![0.5; 2]),
        at("tensor 1 `t1`: 2 scales for 1 outputs")
    );
    assert_eq!(error(|tensors, _| tensors[1].data.clear()), at("tensor 1 `t1`: weights must be constants"));
    assert_eq!(
        error(|tensors, _| tensors[1].data.truncate(1)),
        at("tensor 1 `t1`: 1 bytes of numbers, its shape needs 2")
    );
    assert_eq!(error(|tensors, _| tensors[1].kind = 19), at("tensor 1 `t1`: INT8 is needed, not INT2"));
    assert_eq!(
        error(|tensors, _| tensors[1].kind = 17),
        at("tensor 1 `t1`: 2 bytes of numbers, its shape needs 1")
    );
    assert_eq!(
        error(|tensors, _| (tensors[0].kind, tensors[0].shape) = (17, vec![1, 2])),
        "the input: tensor 0 `t0`: activations must be INT8, INT16 or FLOAT32, not INT4"
    );
    assert_eq!(
        error(|tensors, _| tensors[1] = Tensor::weights(&[1, 65538], 0.25, &[0; 65538])),
        at("tensor 1 `t1`: 65538 inputs, at most 65536 are supported")
    );
    assert_eq!(
        error(|tensors, _| tensors[2] = Tensor::of(&[1, 2])),
        at("tensor 2 `t2`: 2 biases for 1 outputs")
    );
    assert_eq!(
        error(|tensors, _| tensors[3].kind = FLOAT32),
        at("tensor 3 `t3`: INT8 is needed, not FLOAT32")
    );
    assert_eq!(
        error(|tensors, _| tensors[2].kind = INT8),
        at("tensor 2 `t2`: 4 bytes of numbers, its shape needs 1")
    );
}

/// What several inputs and outputs are called, and how many there may be.
#[test]
fn ends_have_names() {
    let real = || Tensor::float(&[1, 2]);
    let tensors = [real(), real(), real(), Tensor { kind: 3, ..real() }];
    let add = [operator(0, &[0, 1], 2)];
    let read = |inputs: &[i32], outputs: &[i32]| {
        Network::read(&file_of(&tensors, &add, inputs, outputs), &Options::default())
    };
    let module =
        read(&[0, 1], &[2, 0]).and_then(|network| network.module("ends", "ends.bin")).expect("is supported");
    for expected in [
        "pub struct Input {",
        "pub t0: [f32; 2],",
        "pub t1: [f32; 2],",
        "pub struct Output {",
        "pub t2: [f32; 2],",
    ] {
        assert!(module.code.contains(expected), "{expected} in {}", module.code);
    }
    let refused =
        |inputs: &[i32], outputs: &[i32]| read(inputs, outputs).expect_err("is refused").to_string();
    assert_eq!(refused(&[0, 1, 0], &[2]), "the input: tensor 0 `t0`: is a constant, or twice in the list");
    assert_eq!(refused(&[], &[2]), "the network has 0 inputs, 1 to 16 are supported");
    assert_eq!(refused(&[0, 1], &[2; 17]), "the network has 17 outputs, 1 to 16 are supported");
    assert_eq!(
        refused(&[0, 1, 3], &[2]),
        "the input: tensor 3 `t3`: activations must be INT8, INT16 or FLOAT32, not UINT8"
    );
}

/// What TensorFlow Lite for Microcontrollers has not for activations of sixteen bits, or LiteRT rounds in another way.
#[test]
fn what_has_no_kernel_of_sixteen_bits_is_an_error() {
    let wide = |shape: &[i32]| Tensor { kind: INT16, ..Tensor::int8(shape, 0.25, 0) };
    let read = |tensors: &[Tensor], op: Operator, runtime| {
        let output = tensors.len() as i32 - 1;
        Network::read(&file(tensors, &[op], 0, output), &Options { runtime })
    };
    let refused =
        |tensors: &[Tensor], op| read(tensors, op, Runtime::Micro).expect_err("is not supported").to_string();
    let relu = operator(19, &[0], 1);
    let pair = [wide(&[1, 4]), wide(&[1, 4])];
    read(&pair, relu.clone(), Runtime::Micro).expect("is supported");
    assert_eq!(
        read(&pair, relu.clone(), Runtime::LiteRt).expect_err("is not supported").to_string(),
        "the input: tensor 0 `t0`: activations of INT16 are as TensorFlow Lite for Microcontrollers has them"
    );
    let zero = Tensor { zero: vec![1], ..wide(&[1, 4]) };
    assert_eq!(
        refused(&[wide(&[1, 4]), zero], relu),
        "operator 0 (RELU): tensor 1 `t1`: scales [0.25] and zeros [1], one and 0 are needed"
    );
    assert_eq!(
        refused(&pair, operator(117, &[0], 1)),
        "operator 0 (HARD_SWISH): tensor 0 `t0`: the operator is not supported on INT16"
    );
    assert_eq!(
        refused(&[wide(&[1, 4, 2]), Tensor::of(&[1]), wide(&[1, 2])], operator(82, &[0, 1], 2)),
        "operator 0 (REDUCE_MAX): tensor 0 `t0`: REDUCE_MAX of 4 numbers of INT16 is not supported"
    );
    let block = operator(26, &[0], 1).with(0, Setting::Int(2));
    assert_eq!(
        refused(&[wide(&[1, 2, 2, 1]), wide(&[1, 1, 1, 4])], block),
        "operator 0 (SPACE_TO_DEPTH): tensor 0 `t0`: the operator is not supported on INT16"
    );
    let slopes = Tensor { data: vec![1, 0, 2, 0], ..wide(&[1, 2]) };
    assert_eq!(
        refused(&[wide(&[1, 2]), slopes, wide(&[1, 2])], operator(54, &[0, 1], 2)),
        "operator 0 (PRELU): the operator is not supported on INT16"
    );
    let constant = Tensor { data: vec![1, 0, 2, 0], ..wide(&[1, 2]) };
    assert_eq!(
        refused(&[wide(&[1, 2]), constant, wide(&[1, 2])], operator(41, &[1, 0], 2)),
        "operator 0 (SUB): tensor 1 `t1`: a constant minus a tensor is not supported"
    );
    let weights = Tensor::weights(&[1, 1, 1, 2], 0.5, &[3, -4]);
    let depthwise = operator(4, &[0, 1, 2], 3).with(0, Setting::Byte(1));
    let depthwise = depthwise.with(1, Setting::Int(1)).with(2, Setting::Int(1)).with(3, Setting::Int(1));
    assert_eq!(
        refused(&[wide(&[1, 3, 1, 2]), weights, Tensor::of(&[1, 2]), wide(&[1, 3, 1, 2])], depthwise),
        "operator 0 (DEPTHWISE_CONV_2D): biases of INT32 are not supported here, only of INT64"
    );
}

/// Operators on parts of tensors, and on tensors of different shapes.
#[test]
fn parts_and_shapes_that_do_not_fit_are_errors() {
    let q = |shape: &[i32]| Tensor::int8(shape, 0.5, 0);
    let refused = |tensors: &[Tensor], operator: Operator| {
        let error = Network::read(&file(tensors, &[operator], 0, 1), &Options::default());
        error.expect_err("is not supported").to_string()
    };
    let [x, y] = [q(&[1, 4, 3]), q(&[1, 2, 3])];
    let slice = |ints: [[i32; 3]; 3]| {
        let [begin, end, step] = ints.map(|ints| Tensor::of(&ints));
        refused(&[x.clone(), y.clone(), begin, end, step], operator(45, &[0, 2, 3, 4], 1))
    };
    assert_eq!(
        slice([[0, 3, 0], [1, 3, 3], [1, 1, 1]]),
        "operator 0 (STRIDED_SLICE): tensor 0 `t0`: numbers 3 to 3 of 4 by steps of 1"
    );
    assert_eq!(
        slice([[0, 0, 0], [1, 3, 3], [1, 1, 1]]),
        "operator 0 (STRIDED_SLICE): tensor 1 `t1`: [1, 3, 3] of INT8 do not fit [1, 2, 3] of INT8"
    );
    assert_eq!(
        refused(&[x.clone(), q(&[1, 4, 3]), q(&[1, 2, 3])], operator(0, &[0, 2], 1)),
        "operator 0 (ADD): tensor 2 `t2`: no earlier operator writes it: the graph has a cycle, or its order is wrong"
    );
    let constant = Tensor::weights(&[2, 3], 0.5, &[1; 6]);
    assert_eq!(
        refused(&[x.clone(), q(&[1, 4, 3]), constant], operator(0, &[0, 2], 1)),
        "operator 0 (ADD): tensor 2 `t2`: the shape [2, 3] is not repeated to [1, 4, 3]"
    );
    for (order, shape) in [([0, -1, 1], [1, 4, 3]), ([0, 1, 1], [1, 4, 3]), ([0, 1, 2], [1, 3, 4])] {
        assert_eq!(
            refused(&[x.clone(), q(&shape), Tensor::of(&order)], operator(39, &[0, 2], 1)),
            format!(
                "operator 0 (TRANSPOSE): tensor 0 `t0`: [1, 4, 3] in the order {order:?} is not {shape:?}"
            )
        );
    }
    let real = Tensor::float(&[1, 1]);
    let weight = Tensor { data: vec![0; 4], ..real.clone() };
    assert_eq!(
        refused(&[real, q(&[1, 1]), weight], operator(9, &[0, 2], 1)),
        "operator 0 (FULLY_CONNECTED): tensor 1 `t1`: FLOAT32 is needed, not INT8"
    );
    assert_eq!(
        refused(&[x, Tensor::int8(&[1, 8, 3], 0.25, 0)], operator(2, &[0, 0], 1).with(0, Setting::Int(1))),
        "operator 0 (CONCATENATION): tensor 0 `t0`: concatenated tensors have the scale and zero of the output"
    );
}

/// What would not compile as a constant is refused when it is read.
#[test]
fn scales_that_do_not_fit_are_errors() {
    let ends = |shape: &[i32]| [Tensor::int8(shape, 1e30, 0), Tensor::int8(&[1, 1], 1e-30, 0)];
    let refused = |x: &[i32], operator: Operator, constant: Tensor| {
        let [x, y] = ends(x);
        Network::read(&file(&[x, y, constant], &[operator], 0, 1), &Options::default())
            .expect_err("the quotient of the scales is too large")
            .to_string()
    };
    let mean = refused(&[1, 1, 1, 1], operator(40, &[0, 2], 1), Tensor::of(&[1, 2]));
    assert!(mean.starts_with("operator 0 (MEAN): "), "{mean}");
    let add = refused(&[1, 1], operator(0, &[0, 0], 1), Tensor::of(&[0]));
    assert!(add.starts_with("operator 0 (ADD): "), "{add}");
    let relu = refused(&[1, 1], operator(19, &[0], 1), Tensor::of(&[0]));
    assert!(relu.starts_with("operator 0 (RELU): "), "{relu}");
}

#[test]
fn other_files_are_errors() {
    let read = |file: &[u8]| Network::read(file, &Options::default()).expect_err("is no network").to_string();
    assert_eq!(read(b""), "not a TensorFlow Lite file: it has no TFL3 at byte 4");
    let mut short = file(&[Tensor::int8(&[1], 1.0, 0)], &[], 0, 0);
    let copied = Network::read(&short, &Options::default()).expect("the output is a copy of the input");
    assert!(copied.to_string().contains("COPY"), "{copied}");
    short.truncate(short.len() / 2);
    assert!(read(&short).starts_with("damaged TensorFlow Lite file: "));
}

/// Runtimes round where pixels are read, so 41 are not 41 of one. A pool's window has a largest size.
#[test]
fn pixels_that_runtimes_read_otherwise_are_errors() {
    let resized = |to: i32| {
        let tensors =
            [Tensor::int8(&[1, 2, 1, 1], 1.0, 0), Tensor::of(&[to, 1]), Tensor::int8(&[1, to, 1, 1], 1.0, 0)];
        Network::read(&file(&tensors, &[operator(97, &[0, 1], 2)], 0, 2), &Options::default())
    };
    assert!(resized(2 * 40).is_ok());
    let error = resized(2 * 41).expect_err("rounded otherwise").to_string();
    assert!(error.ends_with("the runtime's own pixels are others"), "{error}");
    let pixel = || Tensor::int8(&[1, 1, 1, 1], 1.0, 0);
    let pool = operator(17, &[0], 1).with(1, Setting::Int(1)).with(2, Setting::Int(1));
    let of = |width| pool.clone().with(3, Setting::Int(width)).with(4, Setting::Int(1));
    let read = |width| Network::read(&file(&[pixel(), pixel()], &[of(width)], 0, 1), &Options::default());
    assert!(read(1 << 23).is_ok());
    let error = read((1 << 23) + 1).expect_err("too large").to_string();
    assert!(error.ends_with("a window of 1 x 8388609"), "{error}");
}

/// No file is written over what it was made of.
#[test]
fn a_file_is_not_overwritten() {
    let folder = std::env::temp_dir().join(format!("fusebox-import-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let from = folder.join("net.bin");
    let bytes = branches();
    std::fs::write(&from, &bytes).expect("a file");
    for to in ["net.rs", "net.bin", "other.bin"] {
        let error =
            write(&from, &folder.join(to), &Options::default()).expect_err("one file for two").to_string();
        assert!(error.contains("would be overwritten"), "{error}");
        assert!(std::fs::read(&from).expect("as before") == bytes && !folder.join("other.bin").exists());
    }
    write(&from, &folder.join("other.rs"), &Options::default()).expect("three files");
    std::fs::remove_dir_all(&folder).expect("the folder");
}

/// Operators on shapes are no layers, and a concatenation of three is two.
#[test]
fn networks_are_shown_as_tables() {
    let network = Network::read(&branches(), &Options::default()).expect("is supported");
    let table = network.to_string();
    let operators: Vec<_> = table.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1)).collect();
    let expected = "QUANTIZE CONV_2D ADD MUL CONCATENATION CONCATENATION PAD MAX_POOL_2D MEAN LOGISTIC \
        FULLY_CONNECTED SOFTMAX DEQUANTIZE";
    assert_eq!(operators[..13].join(" "), expected, "{table}");
}

/// A network of variables, and what is changed of it.
#[test]
fn variables_have_a_name_and_one_form() {
    assert!(Network::read(&delay(), &Options::default()).is_ok());
    let q = || Tensor::int8(&[1, 3], 0.25, -3);
    let handle = || Tensor { kind: 13, ..Tensor::float(&[]) };
    let error = |tensors: &[Tensor], operators: &[Operator]| {
        let file = file(tensors, operators, 0, 3);
        Network::read(&file, &Options::default()).expect_err("is not supported").to_string()
    };
    let named = || operator(142, &[], 1).with(1, Setting::Text("name"));
    let assign = |from| Operator { outputs: vec![], ..operator(144, &[1, from], 0) };
    assert_eq!(
        error(&[q(), handle(), q(), q()], &[operator(143, &[1], 3)]),
        "operator 0 (READ_VARIABLE): tensor 1 is no variable's handle"
    );
    assert_eq!(
        error(&[q(), handle(), q(), q()], &[operator(129, &[], 3)]),
        "operator 0 (CALL_ONCE): graph 0 does not assign the first values of variables"
    );
    assert_eq!(
        error(&[q(), handle(), q(), q()], &[operator(129, &[], 3).with(0, Setting::Int(7))]),
        "operator 0 (CALL_ONCE): graph 7 of 2"
    );
    let other = Tensor::int8(&[1, 3], 0.5, -3);
    assert_eq!(
        error(&[q(), handle(), q(), other], &[named(), assign(0), operator(143, &[1], 3)]),
        "operator 2 (READ_VARIABLE): tensor 3 `t3`: another kind, size, scale or zero than its variable had before"
    );
    assert_eq!(
        error(&[q(), handle(), q(), Tensor::ints(&[1, 3])], &[named(), operator(143, &[1], 3)]),
        "operator 1 (READ_VARIABLE): tensor 3 `t3`: variables must be INT8, INT16 or FLOAT32, not INT32"
    );
}

/// What a second graph assigns before the first run.
#[test]
fn first_values_are_constants_of_the_form_of_their_variables() {
    let q = || Tensor::int8(&[1, 3], 0.25, 0);
    let named = operator(142, &[], 1).with(1, Setting::Text("name"));
    let assign = Operator { outputs: vec![], ..operator(144, &[1, 2], 0) };
    let once = Operator { outputs: vec![], ..operator(129, &[], 0).with(0, Setting::Int(1)) };
    let read = |start: Tensor, first: &[Operator]| {
        let tensors = [q(), Tensor { kind: 13, ..Tensor::float(&[]) }, start, q()];
        let run = [once.clone(), named.clone(), operator(143, &[1], 3)];
        let file = file_of_two(&tensors, [&run, first], &[0], &[3]);
        Network::read(&file, &Options::default()).map(|_| ()).map_err(|error| error.to_string())
    };
    let usual = [named.clone(), assign.clone()];
    let constant = |scale| Tensor::weights(&[1, 3], scale, &[1, 2, 3]);
    assert_eq!(read(constant(0.25), &usual), Ok(()));
    let twice = [once.clone(), once.clone(), named.clone(), operator(143, &[1], 3)];
    let tensors = [q(), Tensor { kind: 13, ..Tensor::float(&[]) }, constant(0.25), q()];
    let error = Network::read(&file_of_two(&tensors, [&twice, &usual], &[0], &[3]), &Options::default());
    let error = error.expect_err("calls a graph twice").to_string();
    assert_eq!(error, "operator 1 (CALL_ONCE): graph 1 is called twice");
    assert_eq!(
        read(constant(0.5), &usual),
        Err(
            "operator 2 (READ_VARIABLE): tensor 3 `t3`: its variable's first value has another scale or zero"
                .into()
        )
    );
    assert_eq!(
        read(Tensor::of(&[1, 2, 3]), &usual),
        Err("operator 2 (READ_VARIABLE): tensor 3 `t3`: is INT8 [1, 3], the first value of its variable INT32 [3]".into())
    );
    let at = "operator 0 (CALL_ONCE): operator";
    assert_eq!(
        read(q(), &usual),
        Err(format!(
            "{at} 1 of graph 1 (ASSIGN_VARIABLE): tensor 2 `t2`: a variable's first value must be a constant"
        ))
    );
    assert_eq!(
        read(constant(0.25), &[operator(0, &[2, 2], 3)]),
        Err(format!("{at} 0 of graph 1 (ADD): the operator is not supported before the first run"))
    );
}

/// A long short-term memory of 2 inputs and 3 outputs, with what is changed of it.
#[test]
fn variants_of_a_long_short_term_memory_are_errors() {
    let read = |change: &dyn Fn(&mut Vec<Tensor>, &mut Operator)| {
        let state = Tensor { kind: 7, ..Tensor::int8(&[1, 3], 1.0 / 2048.0, 0) };
        let mut tensors = vec![
            Tensor::int8(&[1, 4, 2], 0.5, 0),
            Tensor::weights(&[3, 2], 0.25, &[1; 6]),
            Tensor::weights(&[3, 3], 0.25, &[1; 9]),
            Tensor::of(&[1, 2, 3]),
            Tensor::int8(&[1, 3], 0.5, 0),
            state,
            Tensor::int8(&[1, 4, 3], 0.5, 0),
        ];
        let mut inputs = vec![0, 1, 1, 1, 1, 2, 2, 2, 2, -1, -1, -1, 3, 3, 3, 3, -1, -1, 4, 5];
        inputs.extend([-1; 4]);
        let mut lstm = operator(44, &inputs, 6).with(0, Setting::Byte(4)).with(1, Setting::Real(10.0));
        change(&mut tensors, &mut lstm);
        let read = Network::read(&file(&tensors, &[lstm], 0, 6), &Options::default());
        read.map(|network| network.macs()).map_err(|error| error.to_string())
    };
    let at = |what| Err(format!("operator 0 (UNIDIRECTIONAL_SEQUENCE_LSTM): {what}"));
    assert_eq!(read(&|_, _| {}), Ok(4 * 4 * 3 * (2 + 3)));
    // Two rows of two positions; then rows by position, of one row and of several.
    let rows =
        |tensors: &mut Vec<Tensor>| (tensors[0].shape, tensors[6].shape) = (vec![2, 2, 2], vec![2, 2, 3]);
    assert_eq!(read(&|tensors, _| rows(tensors)), Ok(4 * 4 * 3 * (2 + 3)));
    assert_eq!(
        read(&|tensors, lstm| {
            (tensors[0].shape, tensors[6].shape) = (vec![4, 1, 2], vec![4, 1, 3]);
            *lstm = lstm.clone().with(3, Setting::Byte(1));
        }),
        Ok(4 * 4 * 3 * (2 + 3))
    );
    assert_eq!(
        read(&|tensors, lstm| {
            rows(tensors);
            *lstm = lstm.clone().with(3, Setting::Byte(1));
        }),
        Ok(4 * 4 * 3 * (2 + 3))
    );
    assert_eq!(
        read(&|_, lstm| lstm.inputs[10] = 4),
        at("tensor 4 `t4`: peepholes, projections and layer norms are not supported")
    );
    assert_eq!(
        read(&|tensors, _| (tensors[1].scale, tensors[1].zero) = (vec![0.1, 0.2, 0.3], vec![0; 3])),
        at("tensor 1 `t1`: a scale for each output is not supported here, only one of a gate")
    );
    assert_eq!(
        read(&|_, lstm| lstm.options[0] = (0, Setting::Byte(1))),
        at("activation 1 instead of TANH is not supported")
    );
    assert_eq!(
        read(&|tensors, _| tensors[4].scale = vec![0.25]),
        at("tensor 6 `t6`: its scale and zero are not those of the state")
    );
    assert!(
        read(&|tensors, _| tensors[5].scale = vec![0.3]).is_err_and(|error| error.contains("2^-24 <= cell"))
    );
    assert!(read(&|tensors, _| tensors[5].kind = INT8).is_err_and(|error| error.contains("INT16 is needed")));
}

/// Blocks that do not fit, and borders, are named.
#[test]
fn moves_are_checked() {
    let refused = |shape: &[i32], to: &[i32], ints: [&[i32]; 2], code, block| {
        let [first, second] = ints.map(Tensor::of);
        let second = Tensor { shape: vec![second.shape[0] / 2, 2], ..second };
        let tensors = [Tensor::int8(shape, 0.5, 3), Tensor::int8(to, 0.5, 3), first, second];
        let operator = operator(code, &[0, 2, 3], 1).with(0, Setting::Int(block));
        let read = Network::read(&file(&tensors, &[operator], 0, 1), &Options::default());
        read.map(|_| ()).map_err(|error| error.to_string())
    };
    let none: [&[i32]; 2] = [&[0], &[0, 0]];
    let (deep, wide) = ([1, 2, 3, 12], [1, 4, 6, 3]);
    assert_eq!(refused(&deep, &wide, none, 5, 2), Ok(()));
    assert_eq!(refused(&wide, &deep, none, 26, 2), Ok(()));
    for block in [-2, 0, 1, 3, i32::MAX] {
        let said = |name, from: [i32; 4], to: [i32; 4]| {
            let block = block.max(0);
            Err(format!("operator 0 ({name}): tensor 1 `t1`: {from:?} in blocks of {block} is not {to:?}"))
        };
        assert_eq!(refused(&deep, &wide, none, 5, block), said("DEPTH_TO_SPACE", deep, wide));
        assert_eq!(refused(&wide, &deep, none, 26, block), said("SPACE_TO_DEPTH", wide, deep));
    }
    let batches = |blocks, borders| refused(&[1, 5, 3], &[2, 3, 3], [blocks, borders], 38, 0);
    assert_eq!(batches(&[2], &[1, 0]), Ok(()));
    assert!(batches(&[2], &[0, 0]).unwrap_err().contains("in blocks of [2] is not [2, 3, 3]"));
    assert!(batches(&[2], &[-1, 2]).unwrap_err().contains("negative sizes [-1, 2]"));
    assert!(batches(&[0], &[1, 0]).unwrap_err().contains("[0] blocks"));
    assert!(batches(&[2, 1, 1], &[1, 0, 0, 0, 0, 0]).unwrap_err().contains("blocks"));
    assert!(batches(&[i32::MAX; 2], &[i32::MAX; 4]).unwrap_err().contains("is not [2, 3, 3]"));
}

/// Two operators of the same weights, biases and scales have one layer; of another scale, a layer of its own.
#[test]
fn equal_layers_are_written_once() {
    let read = |scale| {
        let q = Tensor::int8(&[1, 2], 0.5, 0);
        let last = Tensor::int8(&[1, 2], scale, 0);
        let tensors =
            [q.clone(), Tensor::weights(&[2, 2], 0.25, &[1, -2, 3, 4]), Tensor::of(&[3, 5]), q, last];
        let operators = [operator(9, &[0, 1, 2], 3), operator(9, &[3, 1, 2], 4)];
        let network =
            Network::read(&file(&tensors, &operators, 0, 4), &Options::default()).expect("a network");
        (network.flash(), network.module("shared", "shared.bin").expect("a module").code)
    };
    let ((flash, code), (of_two, _)) = (read(0.5), read(0.25));
    assert_eq!(2 * flash, of_two);
    assert_eq!(code.matches("self.dense_0.run").count(), 2);
    assert_eq!(code.matches("pub dense_").count(), 1);
}
