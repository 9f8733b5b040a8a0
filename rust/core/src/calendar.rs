//! Days and months of the Gregorian calendar in UTC, by Howard Hinnant's civil-from-days and days-from-civil
//! (<https://howardhinnant.github.io/date_algorithms.html>).

pub const DAY_S: u64 = 86_400;

/// Days from 0000-03-01, where his years begin, to 1970-01-01.
const EPOCH: u64 = 719_468;
const DAYS_PER_ERA: u64 = 146_097;

/// A day by its name: year, month from 1, day from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    pub year: u64,
    pub month: u64,
    pub day: u64,
}

/// The date of a day, counted from 1970-01-01.
pub fn date_of(days: u64) -> Date {
    let shifted = days + EPOCH;
    let (era, day_of_era) = (shifted / DAYS_PER_ERA, shifted % DAYS_PER_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    Date { year: era * 400 + year_of_era + u64::from(month <= 2), month, day }
}

/// The first second of the month of a time, in Unix seconds.
pub fn month_start(at_s: u64) -> u64 {
    let days = at_s / DAY_S;
    (days + 1 - date_of(days).day) * DAY_S
}

/// The first second of the month after that of a time, in Unix seconds.
pub fn next_month_start(at_s: u64) -> u64 {
    // No month has more than 31 days, none fewer than 28.
    month_start(month_start(at_s) + 31 * DAY_S + DAY_S - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_on_leap_days_and_at_the_start() {
        assert_eq!(date_of(0), Date { year: 1970, month: 1, day: 1 });
        assert_eq!(date_of(951_782_400 / DAY_S), Date { year: 2000, month: 2, day: 29 });
        assert_eq!(date_of(1_798_761_599 / DAY_S), Date { year: 2026, month: 12, day: 31 });
    }

    #[test]
    fn months_follow_one_another_without_a_gap() {
        let mut start = 0;
        for months in 0..1_200 {
            let date = date_of(start / DAY_S);
            assert_eq!((date.year, date.month, date.day), (1970 + months / 12, months % 12 + 1, 1));
            let next = next_month_start(start);
            for at in [start, start + 1, next - 1] {
                assert_eq!((month_start(at), next_month_start(at)), (start, next));
            }
            assert!((28..=31).contains(&((next - start) / DAY_S)));
            start = next;
        }
    }
}
