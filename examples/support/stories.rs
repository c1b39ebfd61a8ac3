//! Small stories of people who move about and carry things, with a question, in the manner of the first two bAbI
//! tasks (J. Weston and others, "Towards AI-Complete Question Answering", 2015).

use fusebox::Rng;

const PEOPLE: [&str; 4] = ["mary", "john", "sandra", "daniel"];
pub(crate) const PLACES: [&str; 6] = ["kitchen", "garden", "office", "bathroom", "bedroom", "hallway"];
const THINGS: [&str; 3] = ["ball", "apple", "book"];
const GO: [&str; 4] = ["went", "moved", "travelled", "journeyed"];
const TAKE: [&str; 3] = ["took", "got", "grabbed"];
const DROP: [&str; 3] = ["dropped", "left", "discarded"];
const OTHERS: [&str; 6] = ["where", "is", "the", "to", ".", "?"];

/// Different words.
pub(crate) const VOCABULARY: usize =
    PEOPLE.len() + PLACES.len() + THINGS.len() + GO.len() + TAKE.len() + DROP.len() + OTHERS.len();

fn words() -> impl Iterator<Item = &'static str> {
    let lists: [&[_]; 7] = [&PEOPLE, &PLACES, &THINGS, &GO, &TAKE, &DROP, &OTHERS];
    lists.into_iter().flatten().copied()
}

/// What a question asks for, and how many sentences say it.
pub(crate) const KINDS: [&str; 3] =
    ["a person (one fact)", "a thing carried (two facts)", "a thing put down (three facts)"];

/// Sentences in a story, at least and at most.
const FEWEST: usize = 3;
const MOST: usize = 8;

/// Words of the longest sentence.
pub(crate) const WORDS: usize = 6;
/// Sentences in a row: a story and a question.
pub(crate) const SENTENCES: usize = MOST + 1;

pub(crate) struct Story {
    /// Words; the last one is the question.
    pub(crate) sentences: Vec<Vec<&'static str>>,
    /// Of [`PLACES`].
    pub(crate) answer: u8,
}

/// Where everything is.
#[derive(Default)]
struct World {
    people: [Option<usize>; PEOPLE.len()],
    things: [Thing; THINGS.len()],
}

#[derive(Clone, Copy, Default)]
enum Thing {
    #[default]
    Unknown,
    /// Somebody has it.
    With(usize),
    At(usize),
}

impl Story {
    /// To learn from: none that is held out.
    pub(crate) fn training(rng: &mut Rng) -> Self {
        loop {
            let kind = rng.below(KINDS.len() as u32) as usize;
            let story = Self::random(kind, rng);
            if !story.is_held_out() {
                return story;
            }
        }
    }

    /// Of so many of each kind, always the same: one in sixteen of all stories there are, by a hash of its words (FNV-1a).
    pub(crate) fn held_out(each: usize) -> Vec<Self> {
        let mut rng = Rng::stream(0, 0);
        let kinds = (0..KINDS.len()).flat_map(|kind| std::iter::repeat_n(kind, each));
        let held_out = |kind| loop {
            let story = Self::random(kind, &mut rng);
            if story.is_held_out() {
                return story;
            }
        };
        kinds.map(held_out).collect()
    }

    fn is_held_out(&self) -> bool {
        let bytes = self.sentences.iter().flatten().flat_map(|word| word.bytes());
        let hash =
            bytes.fold(0x811C_9DC5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        // The upper bits, which all bytes reach.
        hash >> 28 == 7
    }

    /// With a question of the given one of the [`KINDS`].
    fn random(kind: usize, rng: &mut Rng) -> Self {
        loop {
            let mut world = World::default();
            let count = FEWEST + rng.below((MOST - FEWEST + 1) as u32) as usize;
            let mut sentences: Vec<_> = (0..count).map(|_| world.goes_on(rng)).collect();
            // A story in which nothing can be asked for is thrown away.
            let known: Vec<_> = world.questions(kind).collect();
            if let Some(&(subject, place)) = known.get(rng.below(known.len() as u32) as usize) {
                sentences.push(match kind {
                    0 => vec!["where", "is", subject, "?"],
                    _ => vec!["where", "is", "the", subject, "?"],
                });
                return Self { sentences, answer: place as u8 };
            }
        }
    }

    /// The numbers of the words. Stories and sentences end with the row; `absent` is before them.
    pub(crate) fn tokens(&self, absent: u8) -> [[u8; WORDS]; SENTENCES] {
        let mut row = [[absent; WORDS]; SENTENCES];
        for (to, sentence) in row.iter_mut().rev().zip(self.sentences.iter().rev()) {
            for (to, word) in to.iter_mut().rev().zip(sentence.iter().rev()) {
                *to = words().position(|other| other == *word).map_or(absent, |i| i as u8);
            }
        }
        row
    }
}

impl World {
    /// The next thing that happens: half of the time somebody goes somewhere.
    fn goes_on(&mut self, rng: &mut Rng) -> Vec<&'static str> {
        let mut any = |count: usize| rng.below(count as u32) as usize;
        loop {
            let (person, thing) = (any(PEOPLE.len()), any(THINGS.len()));
            let (name, what) = (PEOPLE[person], THINGS[thing]);
            let place = any(PLACES.len());
            match (any(4), self.people[person], self.things[thing]) {
                (0 | 1, before, _) if before != Some(place) => {
                    self.people[person] = Some(place);
                    return vec![name, GO[any(GO.len())], "to", "the", PLACES[place], "."];
                }
                // Nobody takes what is elsewhere.
                (2, here, Thing::At(there)) if here != Some(there) => {}
                (2, Some(_), Thing::Unknown | Thing::At(_)) => {
                    self.things[thing] = Thing::With(person);
                    return vec![name, TAKE[any(TAKE.len())], "the", what, "."];
                }
                (3, Some(here), Thing::With(who)) if who == person => {
                    self.things[thing] = Thing::At(here);
                    return vec![name, DROP[any(DROP.len())], "the", what, "."];
                }
                _ => {}
            }
        }
    }

    /// Whom or what can be asked for, and where it is.
    fn questions(&self, kind: usize) -> impl Iterator<Item = (&'static str, usize)> {
        let people = self.people.iter().zip(PEOPLE).filter(move |_| kind == 0);
        let people = people.filter_map(|(place, name)| Some((name, (*place)?)));
        let things = self.things.iter().zip(THINGS).filter_map(move |(thing, name)| match *thing {
            Thing::With(person) if kind == 1 => Some((name, self.people[person]?)),
            Thing::At(place) if kind == 2 => Some((name, place)),
            _ => None,
        });
        people.chain(things)
    }
}
