//! What is learnt from which samples.

use fusebox::Rng;
use sensor_node::learner::{EPOCHS, Learner, Progress, SAMPLES, TRAINING};
use sensor_node::model::{Model, Sample};

fn learn(samples: &[Sample; SAMPLES]) -> Model {
    let mut learner = Learner::new();
    for (number, &sample) in (1..).zip(samples) {
        assert_eq!(learner.gather(sample), number == SAMPLES);
    }
    learner.begin().unwrap();
    for _ in 0..EPOCHS {
        assert!(matches!(learner.train(), Ok(Progress::Epoch { .. })));
    }
    assert_eq!(learner.train(), Ok(Progress::Done));
    learner.finish().unwrap()
}

/// The samples that set the limit set nothing else: neither the network nor mean and deviation have seen them, or the
/// limit would be that of windows which are known.
#[test]
fn held_out_samples_set_the_limit_alone() {
    let mut rng = Rng::new(6);
    let samples = [(); SAMPLES].map(|()| [20.0, 5.0, 42.0].map(|centre| centre + rng.normal()));
    let model = learn(&samples);
    for first in [TRAINING, SAMPLES - 1] {
        let mut others = samples;
        for sample in &mut others[first..] {
            *sample = sample.map(|x| x + 10.0);
        }
        let other = learn(&others);
        assert_eq!(other.standardize, model.standardize, "from {first} on");
        assert_eq!(other.net, model.net, "from {first} on");
        assert!(other.limit > model.limit, "{} and {} from {first} on", other.limit, model.limit);
    }
    // The last that is trained on does count.
    let mut others = samples;
    others[TRAINING - 1] = [0.0; 3];
    assert_ne!(learn(&others).standardize, model.standardize);
}
