//! How long it takes to work off what piled up while a group was away.

use crate::units::SimTime;

/// One outage after the other, told by the number of open requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog {
    /// Open requests before the outage under way.
    before: Option<usize>,
    /// When all groups were back.
    back: Option<SimTime>,
    /// From back until as few requests were open as before [s].
    pub(super) drains: Vec<f64>,
}

impl Backlog {
    /// A group is away from now on.
    pub(super) fn away(&mut self, open: usize) {
        self.before.get_or_insert(open);
        self.back = None;
    }

    /// All groups are back.
    pub(super) fn back(&mut self, now: SimTime, open: usize) {
        if self.before.is_some() {
            self.back = Some(now);
            self.look(now, open);
        }
    }

    /// Whether it matters when requests end.
    pub(super) fn is_watched(&self) -> bool {
        self.back.is_some()
    }

    /// So many requests are open now.
    pub(super) fn look(&mut self, now: SimTime, open: usize) {
        if let (Some(before), Some(back)) = (self.before, self.back)
            && open <= before
        {
            self.drains.push((now - back).as_secs_f64());
            (self.before, self.back) = (None, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::SimDuration;

    #[test]
    fn a_backlog_is_worked_off_when_as_few_are_open_as_before() {
        let at = |s| SimTime::ZERO + SimDuration::from_secs(s);
        let mut backlog = Backlog::default();
        backlog.away(3);
        backlog.away(9);
        assert!(!backlog.is_watched());
        backlog.back(at(10), 20);
        backlog.look(at(12), 4);
        assert!(backlog.is_watched());
        backlog.look(at(15), 3);
        assert_eq!((backlog.drains.as_slice(), backlog.is_watched()), ([5.0].as_slice(), false));
        backlog.look(at(20), 0);
        assert_eq!(backlog.drains.len(), 1);
    }
}
