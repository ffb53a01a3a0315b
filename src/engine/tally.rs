//! How many requests, class by class.
//!
//! Classes keep the gaps between tokens of several workloads apart. As long as all are of class 0 there is only the total,
//! so that a run with one workload pays nothing.

/// A count split by class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    total: u32,
    /// Empty if all are of class 0.
    by_class: Vec<u32>,
}

impl Tally {
    pub(super) fn total(&self) -> u32 {
        self.total
    }

    pub(super) fn add(&mut self, class: u16) {
        let class = usize::from(class);
        if class > 0 && self.by_class.is_empty() {
            self.by_class.push(self.total);
        }
        self.total += 1;
        if !self.by_class.is_empty() {
            if self.by_class.len() <= class {
                self.by_class.resize(class + 1, 0);
            }
            self.by_class[class] += 1;
        }
    }

    pub(super) fn remove(&mut self, class: u16) {
        self.total -= 1;
        if let Some(count) = self.by_class.get_mut(usize::from(class)) {
            *count -= 1;
            if self.by_class[0] == self.total {
                self.by_class.clear();
            }
        }
    }

    /// Classes and their counts, those above 0.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u16, u32)> {
        let alone = if self.by_class.is_empty() { Some((0, self.total)) } else { None };
        let split = self.by_class.iter().enumerate().map(|(class, count)| (class as u16, *count));
        alone.into_iter().chain(split).filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_class_needs_no_split() {
        let mut tally = Tally::default();
        tally.add(0);
        tally.add(2);
        tally.add(2);
        assert_eq!(tally.iter().collect::<Vec<_>>(), [(0, 1), (2, 2)]);
        tally.remove(2);
        tally.remove(2);
        assert_eq!((tally.total(), tally.by_class.len()), (1, 0));
        tally.remove(0);
        assert_eq!(tally.iter().count(), 0);
    }
}
