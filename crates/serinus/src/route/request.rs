//! What the splitter looks at in a request, and why it chose as it did.

use serde::{Deserialize, Serialize};

/// What the splitter looks at in a request. All of it is optional and borrowed.
///
/// ```
/// use serinus::route::Request;
///
/// let request = Request::new().sticky_key("u42").category("coding");
/// # let _ = request;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    pub(crate) sticky_key: Option<&'a str>,
    pub(crate) category: Option<&'a str>,
    pub(crate) force_version: Option<&'a str>,
    pub(crate) session_token: Option<&'a str>,
}

impl<'a> Request<'a> {
    /// A request of which nothing is known: it is routed at random by the weights.
    pub const fn new() -> Self {
        Self { sticky_key: None, category: None, force_version: None, session_token: None }
    }

    /// The user, session or tenant that is to meet the same version each time.
    #[must_use]
    pub fn sticky_key(mut self, key: impl Into<Option<&'a str>>) -> Self {
        self.sticky_key = key.into();
        self
    }

    /// The kind of request, for category overrides.
    #[must_use]
    pub fn category(mut self, category: impl Into<Option<&'a str>>) -> Self {
        self.category = category.into();
        self
    }

    /// Asks for one version by name. For callers you trust: it passes every weight by. A version that is not served
    /// is not an error: the request is routed as if it had not asked, and counted in
    /// [`SplitterStats::ignored_forces`](super::SplitterStats::ignored_forces).
    #[must_use]
    pub fn force_version(mut self, version: impl Into<Option<&'a str>>) -> Self {
        self.force_version = version.into();
        self
    }

    /// The token of an earlier request of the same conversation ([`Lease::session_token`](super::Lease::session_token)).
    #[must_use]
    pub fn session_token(mut self, token: impl Into<Option<&'a str>>) -> Self {
        self.session_token = token.into();
        self
    }
}

/// Why a request went to its version. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Reason {
    /// It asked for the version by name.
    Forced,
    /// Its conversation is pinned to the version.
    Pinned,
    /// Its category is overridden.
    Category,
    /// Its sticky key stands in the version's part of the circle.
    Sticky,
    /// It has no sticky key: a random point of the circle.
    Weighted,
    /// It was cancelled on a version that was leaving, and began again elsewhere.
    Retried,
}

impl Reason {
    /// How many reasons there are.
    pub(crate) const COUNT: usize = 6;

    /// All reasons, in order of priority.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Forced, Self::Pinned, Self::Category, Self::Sticky, Self::Weighted, Self::Retried];

    /// Whether chance alone chose the version. Only such requests are evidence: those that were sent to a version for
    /// what they are cannot be compared with the rest.
    pub const fn is_randomised(self) -> bool {
        matches!(self, Self::Sticky | Self::Weighted)
    }
}
