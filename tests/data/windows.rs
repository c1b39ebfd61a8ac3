//! Windows pushed one by one, against those of a slice.

use fusebox::data::Windows;

/// Windows pushed one by one are those of the slice.
fn windows_equal_those_of_the_slice<const W: usize, const HOP: usize>() {
    let signal: Vec<f32> = (0..40).map(|i| i as f32).collect();
    for length in [0, W - 1, W, W + 1, W + HOP, 40].map(|length| length.min(40)) {
        let mut windows = Windows::<f32, W, HOP>::new();
        let pushed: Vec<[f32; W]> =
            signal[..length].iter().filter_map(|&x| windows.push(x).copied()).collect();
        let sliced: Vec<[f32; W]> = signal[..length].array_windows::<W>().step_by(HOP).copied().collect();
        assert_eq!(pushed, sliced, "{W}, {HOP}, {length}");
    }
}

#[test]
fn windows_at_every_hop() {
    windows_equal_those_of_the_slice::<1, 1>();
    windows_equal_those_of_the_slice::<1, 2>();
    windows_equal_those_of_the_slice::<4, 1>();
    windows_equal_those_of_the_slice::<4, 3>();
    windows_equal_those_of_the_slice::<4, 4>();
    windows_equal_those_of_the_slice::<4, 5>();
    windows_equal_those_of_the_slice::<4, 9>();
    windows_equal_those_of_the_slice::<7, 2>();
    windows_equal_those_of_the_slice::<16, 5>();
}

#[test]
fn cleared_windows_begin_anew() {
    let mut windows = Windows::<[f32; 2], 2, 5>::new();
    for values in 0..8 {
        windows.clear();
        for _ in 0..values {
            windows.push([9.0; 2]);
        }
        windows.clear();
        assert_eq!(windows.push([1.0, 2.0]), None);
        assert_eq!(windows.push([3.0, 4.0]), Some(&[[1.0, 2.0], [3.0, 4.0]]));
    }
}
