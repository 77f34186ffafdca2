//! How much of the evidence one user may make up.

use std::num::NonZeroU8;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Places for users: a power of two. Users whose points share one share its requests too, both versions' alike.
const PLACES: usize = 1 << 16;
/// How long a user's requests are remembered under [`UserCap::PerHour`].
const HOUR: Duration = Duration::from_secs(3_600);

/// How much of the evidence one user may make up. Requests beyond it are served and counted as any other, and leave no
/// evidence. Requests without a sticky key are not capped.
///
/// Users differ, and a sticky user is on one version all the time: a few who ask often could make one of two identical
/// versions look worse. With a cap it takes many.
///
/// ```
/// use serinus::observe::UserCap;
///
/// assert_eq!(UserCap::default(), UserCap::per_hour(10).unwrap());
/// assert_eq!(UserCap::per_hour(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserCap {
    /// Every request is evidence.
    None,
    /// At most this many requests of a user each hour, and each stage. The default, with 10. Renewed by the hour, so that
    /// what breaks late in a long stage is still seen.
    PerHour(NonZeroU8),
    /// The first request of each user only. The user is then the unit: the budget holds exactly however much users
    /// differ, and it takes as many users as it otherwise takes requests.
    Once,
}

impl UserCap {
    /// At most this many requests each hour; `None` of 0.
    pub fn per_hour(requests: u8) -> Option<Self> {
        NonZeroU8::new(requests).map(Self::PerHour)
    }

    fn most(self) -> Option<u8> {
        match self {
            Self::None => None,
            Self::PerHour(most) => Some(most.get()),
            Self::Once => Some(1),
        }
    }
}

impl Default for UserCap {
    fn default() -> Self {
        Self::PerHour(NonZeroU8::MIN.saturating_add(9))
    }
}

/// How many requests of each user have counted, for the threads that serve them: 64 KiB, written at most as often as
/// requests count.
#[derive(Debug)]
pub struct UserShares {
    cap: UserCap,
    /// The most that counts, and what has counted so far; `None` without a cap.
    taken: Option<(u8, Box<[AtomicU8]>)>,
}

impl UserShares {
    /// Nothing has counted yet.
    pub fn new(cap: UserCap) -> Self {
        let taken = cap.most().map(|most| (most, (0..PLACES).map(|_| AtomicU8::new(0)).collect()));
        Self { cap, taken }
    }

    /// The cap that they are made for.
    pub const fn cap(&self) -> UserCap {
        self.cap
    }

    /// Whether one more request of the user at this point of the routing circle counts, which it then does.
    #[inline]
    pub fn take(&self, point: u32) -> bool {
        let Some((most, taken)) = &self.taken else { return true };
        // The circle is divided by a point's upper bits: the lower ones say nothing of the version.
        let place = &taken[point as usize % PLACES];
        let one_more = |count| if count < *most { Some(count + 1) } else { None };
        place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }
}

/// The shares in force, renewed as the cap says.
#[derive(Clone, Debug)]
pub(crate) struct Renewal {
    cap: UserCap,
    shares: Arc<UserShares>,
    since: Timestamp,
}

impl Renewal {
    pub(crate) fn new(cap: UserCap, now: Timestamp) -> Self {
        Self { cap, shares: Arc::new(UserShares::new(cap)), since: now }
    }

    /// The shares at this time.
    pub(crate) fn at(&mut self, now: Timestamp) -> &Arc<UserShares> {
        if now.since(self.since) >= HOUR {
            self.renew(now);
        }
        &self.shares
    }

    /// A new stage or an hour: all users begin anew, unless each counts only once.
    pub(crate) fn renew(&mut self, now: Timestamp) {
        if let UserCap::PerHour(_) = self.cap {
            self.shares = Arc::new(UserShares::new(self.cap));
        }
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(shares: &UserShares, point: u32, requests: u32) -> usize {
        (0..requests).filter(|_| shares.take(point)).count()
    }

    #[test]
    fn each_user_counts_up_to_the_cap() {
        let shares = UserShares::new(UserCap::default());
        assert_eq!(counted(&shares, 7, 500), 10);
        assert_eq!(counted(&shares, 8, 3), 3);
        assert_eq!(counted(&UserShares::new(UserCap::Once), 7, 500), 1);
        assert_eq!(counted(&UserShares::new(UserCap::None), 7, 500), 500);
        assert_eq!(counted(&UserShares::new(UserCap::per_hour(255).unwrap()), 7, 500), 255);
    }

    #[test]
    fn two_threads_do_not_count_a_request_too_many() {
        let shares = UserShares::new(UserCap::default());
        let both: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| counted(&shares, 7, 5_000))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(both, 10);
    }

    #[test]
    fn an_hour_or_a_stage_begins_anew_and_once_means_once() {
        let at = |minutes: u32| Timestamp::from_secs_f64(60.0 * f64::from(minutes));
        let (mut hourly, mut once) = (Renewal::new(UserCap::default(), at(0)), Renewal::new(UserCap::Once, at(0)));
        assert_eq!((counted(hourly.at(at(0)), 1, 50), counted(once.at(at(0)), 1, 50)), (10, 1));
        assert_eq!(counted(hourly.at(at(59)), 1, 50), 0);
        assert_eq!((counted(hourly.at(at(60)), 1, 50), counted(once.at(at(60)), 1, 50)), (10, 0));
        hourly.renew(at(61));
        once.renew(at(61));
        assert_eq!((counted(hourly.at(at(61)), 1, 50), counted(once.at(at(61)), 1, 50)), (10, 0));
        assert_eq!(counted(hourly.at(at(0)), 1, 50), 0, "a clock that is put back renews nothing");
    }
}
