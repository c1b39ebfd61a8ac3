//! Everything that a checkpoint can hold, written and read back.

use crate::text::debug;
use crate::{any, hide, keep};
use fusebox::checkpoint::{self, Part, Reader, Writer};
use fusebox::{
    Adam, Dense, EarlyStopping, Error, Frozen, Guard, Learner, Relu, Reservoir, Rng, Schedule, Seq,
    Workspace, Zeroed,
};

type Net = Seq![Dense<2, 3, Relu>, Dense<3, 2>];
type Training = Workspace<Net, 2, Adam>;
type Head = Frozen<'static, Net, Dense<2, 2>>;
type Items = Reservoir<(u8, [u16; 2]), 3>;

static BODY: Net = Net::ZEROED;

/// Calls them all.
pub fn all() {
    let mut bytes = any::<[u8; 4096]>();
    let probe = Probe(any());
    keep(checkpoint::size::<(&Probe,)>());
    keep(checkpoint::layout_of(hide("a name"), hide(&[any(), any()])));
    keep(checkpoint::save((hide(&probe),), hide(&mut bytes)));
    let mut probe = Probe(any());
    keep(checkpoint::restore((hide(&mut probe),), hide(&bytes)));
    keep(probe.0);
    keep(checkpoint::view::<Net>(hide(&bytes)));
}

/// A part that writes and reads all others: only it is handed a writer and a reader.
struct Probe(u32);

impl Part for Probe {
    const BYTES: usize = 2048;
    const LAYOUT: u64 = 1;

    fn write(&self, to: &mut Writer<'_>) -> Result<(), Error> {
        keep(hide(Net::ZEROED).write(to));
        keep(hide(Head::new(&BODY, Dense::ZEROED)).write(to));
        keep(hide(Training::new()).write(to));
        keep(hide(Learner::<Net, 2, Adam>::new(Net::ZEROED)).write(to));
        keep(hide(Guard::<Net>::new()).write(to));
        keep(hide(Rng::new(any())).write(to));
        keep(hide(Items::new()).write(to));
        if let (Ok(stopping), Ok(schedule)) = (EarlyStopping::new(any(), any()), Schedule::constant(any())) {
            keep(hide(stopping).write(to));
            keep(hide(schedule).write(to));
        }
        keep((hide(0_u8).write(to), hide(0_usize).write(to), hide(true).write(to), hide(0.0_f32).write(to)));
        to.put(hide(&any::<[u8; 9]>()));
        debug(to);
        hide(self.0).write(to)
    }

    fn accepts(from: &mut Reader<'_>) -> bool {
        keep(<Net as Part>::accepts(from));
        keep(Head::accepts(from));
        keep(Learner::<Net, 2, Adam>::accepts(from));
        keep(Guard::<Net>::accepts(from));
        keep(Items::accepts(from));
        keep((EarlyStopping::accepts(from), Schedule::accepts(from)));
        keep((bool::accepts(from), usize::accepts(from), <[bool; 3]>::accepts(from)));
        debug(&from.clone());
        from.skip(any());
        keep(from.take(any()));
        from.array() == any::<[u8; 5]>()
    }

    fn read(&mut self, from: &mut Reader<'_>) {
        let mut net = Net::ZEROED;
        net.read(from);
        keep(net);
        let mut head = Head::new(&BODY, Dense::ZEROED);
        head.read(from);
        keep(head);
        let (mut training, mut learner) = (Training::new(), Learner::<Net, 2, Adam>::new(Net::ZEROED));
        training.read(from);
        learner.read(from);
        keep((training, learner));
        let (mut guard, mut rng, mut items) = (Guard::<Net>::new(), Rng::new(any()), Items::new());
        guard.read(from);
        rng.read(from);
        items.read(from);
        keep((guard, rng, items));
        if let (Ok(mut stopping), Ok(mut schedule)) =
            (EarlyStopping::new(any(), any()), Schedule::constant(any()))
        {
            stopping.read(from);
            schedule.read(from);
            keep((stopping, schedule));
        }
        let (mut flag, mut count) = (any::<u8>() == 0, any::<usize>());
        flag.read(from);
        count.read(from);
        keep((flag, count));
        self.0.read(from);
    }
}
