//! Dates as people write them, and as ISO 8601 does.

use fusebox::Rng;

/// How dates are written, with the fields of C's `strftime` (and `%o` for 3rd, `%n` for the month without a zero). Of
/// two numbers the day comes first; years without a century are from 1950 to 2049.
pub(crate) const FORMS: [&str; 18] = [
    "%e %B %Y",
    "%o of %B %Y",
    "the %o of %B, '%y",
    "%A, %e %B %Y",
    "%a, %d %b '%y",
    "%B %e, %Y",
    "%B %o, %Y",
    "%b %e, '%y",
    "%Y %B %e",
    "%d %b %Y",
    "%e-%b-%y",
    "%d/%m/%y",
    "%e/%n/%Y",
    "%e.%n.%Y",
    "%A %e.%n.%y",
    "%Y-%n-%e",
    "%Y/%m/%d",
    "%Y%m%d",
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// 1 January 1950 was a Sunday.
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const FIRST_YEAR: u32 = 1950;
/// In a hundred years.
const DAYS: u32 = 36525;

/// The longest form has 28 characters; the others are spaces.
pub(crate) const LONGEST: usize = 32;
pub(crate) const ISO: usize = 10;

/// A date as someone typed it, and in ISO 8601.
pub(crate) struct Sample {
    pub(crate) text: String,
    pub(crate) iso: String,
}

impl Sample {
    /// A random one: of every ten days one is held out.
    pub(crate) fn random(held_out: bool, form: &str, rng: &mut Rng) -> Self {
        loop {
            let number = rng.below(DAYS);
            if (number % 10 == 7) == held_out {
                let date = Date::of(number);
                return Self { text: typed(&date.written(form), rng), iso: date.written("%Y-%m-%d") };
            }
        }
    }

    /// In one of the [`FORMS`], to train.
    pub(crate) fn training(rng: &mut Rng) -> Self {
        let form = FORMS[rng.below(FORMS.len() as u32) as usize];
        Self::random(false, form, rng)
    }

    /// So many in each of the [`FORMS`], always the same.
    pub(crate) fn held_out(each: usize) -> Vec<Self> {
        let mut rng = Rng::new(0);
        FORMS
            .iter()
            .flat_map(|form| std::iter::repeat_n(form, each))
            .map(|form| Self::random(true, form, &mut rng))
            .collect()
    }
}

struct Date {
    year: u32,
    month: u32,
    day: u32,
    weekday: &'static str,
}

impl Date {
    /// The day so many days after 1 January 1950.
    fn of(number: u32) -> Self {
        let (mut year, mut month, mut day) = (FIRST_YEAR, 1, number);
        while day >= days_of(year, month) {
            day -= days_of(year, month);
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        Self { year, month, day: day + 1, weekday: WEEKDAYS[number as usize % 7] }
    }

    /// In one of the [`FORMS`].
    fn written(&self, form: &str) -> String {
        let Self { year, month, day, weekday } = *self;
        let name = MONTHS[month as usize - 1];
        let mut parts = form.split('%');
        let mut text = String::from(parts.next().unwrap_or_default());
        for part in parts {
            let (field, rest) = part.split_at(1);
            text += &match field {
                "e" => day.to_string(),
                "d" => format!("{day:02}"),
                "o" => format!("{day}{}", ending(day)),
                "n" => month.to_string(),
                "m" => format!("{month:02}"),
                "B" => name.into(),
                "b" => name[..3].into(),
                "A" => weekday.into(),
                "a" => weekday[..3].into(),
                "y" => format!("{:02}", year % 100),
                _ => year.to_string(),
            };
            text += rest;
        }
        text
    }
}

fn days_of(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) => 29, // 2000 was a leap year
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn ending(day: u32) -> &'static str {
    match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    }
}

/// As people type: half of the texts in one case, some spaces twice, some before and after.
fn typed(text: &str, rng: &mut Rng) -> String {
    let text = match rng.below(4) {
        0 => text.to_lowercase(),
        1 => text.to_uppercase(),
        _ => text.into(),
    };
    let mut spare = LONGEST - text.len();
    let mut typed = String::new();
    for c in format!("\n{text}\n").chars() {
        let ends = c == '\n';
        if !ends {
            typed.push(c);
        }
        if (ends || c == ' ') && spare > 0 && rng.below(8) == 0 {
            typed.push(' ');
            spare -= 1;
        }
    }
    typed
}
