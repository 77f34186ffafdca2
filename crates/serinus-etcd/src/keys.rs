//! Where things are in etcd. `docs/fleet.md` has the table.

/// The keys of one model.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    root: String,
    model: String,
}

impl Keys {
    pub(crate) fn new(prefix: &str, model: &str) -> Self {
        let root = format!("{}/{}/", prefix.trim_end_matches('/'), escaped(model));
        Self { root, model: model.to_owned() }
    }

    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// What routers watch.
    pub(crate) fn control(&self) -> String {
        format!("{}control/", self.root)
    }

    pub(crate) fn state(&self) -> String {
        format!("{}control/state", self.root)
    }

    pub(crate) fn leader(&self) -> String {
        format!("{}control/leader", self.root)
    }

    pub(crate) fn epoch(&self) -> String {
        format!("{}control/epoch", self.root)
    }

    /// What the controller watches: in one range, so that it sees a router's evidence before the word that it is complete.
    pub(crate) fn routers(&self) -> String {
        format!("{}routers/", self.root)
    }

    pub(crate) fn live(&self, incarnation: &str) -> String {
        format!("{}routers/live/{incarnation}", self.root)
    }

    pub(crate) fn evidence(&self, block: u64, incarnation: &str) -> String {
        format!("{}routers/evidence/{block:020}/{incarnation}", self.root)
    }

    /// All evidence up to and including this block: the first key and one past the last. `0` is what follows `/`.
    pub(crate) fn evidence_through(&self, block: u64) -> (String, String) {
        (format!("{}routers/evidence/", self.root), format!("{}routers/evidence/{block:020}0", self.root))
    }

    /// Written with every publication: whoever watches the routers and has seen it has seen all that they wrote before.
    pub(crate) fn mark(&self) -> String {
        format!("{}routers/mark", self.root)
    }

    /// What a key under [`routers`](Self::routers) is.
    pub(crate) fn parse<'a>(&self, key: &'a str) -> Option<RouterKey<'a>> {
        let rest = key.strip_prefix(&self.routers())?;
        if let Some(incarnation) = rest.strip_prefix("live/") {
            return Some(RouterKey::Live { incarnation });
        }
        let (block, incarnation) = rest.strip_prefix("evidence/")?.split_once('/')?;
        Some(RouterKey::Evidence { block: block.parse().ok()?, incarnation })
    }

    pub(crate) fn begun(&self) -> String {
        format!("{}journal/begun/", self.root)
    }

    pub(crate) fn begun_rollout(&self, rollout: &str) -> String {
        format!("{}journal/begun/{}", self.root, escaped(rollout))
    }

    pub(crate) fn entries(&self, rollout: &str) -> String {
        format!("{}journal/entries/{}/", self.root, escaped(rollout))
    }

    pub(crate) fn entry(&self, rollout: &str, sequence: u64) -> String {
        format!("{}{sequence:020}", self.entries(rollout))
    }

    pub(crate) fn snapshot(&self, rollout: &str) -> String {
        format!("{}journal/snapshots/{}", self.root, escaped(rollout))
    }
}

/// A key that a router writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RouterKey<'a> {
    Live { incarnation: &'a str },
    Evidence { block: u64, incarnation: &'a str },
}

/// A name as one segment of a key: `/` and `%` are escaped, so that no name is the beginning of another's keys.
fn escaped(name: &str) -> String {
    name.replace('%', "%25").replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let keys = Keys::new("/serinus/", "org/chat");
        assert_eq!(keys.state(), "/serinus/org%2Fchat/control/state");
        let evidence = RouterKey::Evidence { block: 7, incarnation: "a-1" };
        assert_eq!(keys.parse(&keys.evidence(7, "a-1")), Some(evidence));
        assert_eq!(keys.parse(&keys.live("a-1")), Some(RouterKey::Live { incarnation: "a-1" }));
        assert_eq!(keys.parse(&keys.state()), None);
    }

    #[test]
    fn no_rollouts_keys_are_within_anothers() {
        let keys = Keys::new("/serinus", "chat");
        assert!(!keys.entry("a/b", 0).starts_with(&keys.entries("a")));
    }

    #[test]
    fn a_range_through_a_block_holds_that_block_and_those_before_it_only() {
        let keys = Keys::new("/serinus", "chat");
        for block in [0, 9, 10, 199, u64::MAX - 1] {
            let (from, to) = keys.evidence_through(block);
            assert!((from.clone()..to.clone()).contains(&keys.evidence(0, "a")));
            assert!((from.clone()..to.clone()).contains(&keys.evidence(block, "z")));
            assert!(!(from..to).contains(&keys.evidence(block + 1, "-")));
        }
    }
}
