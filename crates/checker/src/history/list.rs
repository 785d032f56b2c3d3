//! Invocations and returns in the order of time, as a doubly linked list from which an operation
//! can be taken out and put back at the same place.

/// One place in the list.
pub(crate) type Place = usize;

/// What happened at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// This call was invoked.
    Invoke(usize),
    /// This call returned. The list has no returns of calls that may be left out.
    Return(usize),
}

#[derive(Debug, Clone, Copy)]
struct Link {
    before: Place,
    after: Place,
    event: Event,
}

/// The list. Place 0 is a sentinel before the first and after the last.
#[derive(Debug)]
pub(crate) struct List {
    links: Vec<Link>,
    /// Where each call was invoked and, if it is in the list, returned.
    places: Vec<(Place, Option<Place>)>,
}

const SENTINEL: Place = 0;

impl List {
    /// A list of these events of `calls` calls. Each call is invoked once, before it returns.
    pub(crate) fn new(calls: usize, events: &[Event]) -> Self {
        let last = events.len();
        let mut places = vec![(SENTINEL, None); calls];
        let mut links = Vec::with_capacity(last + 1);
        links.push(Link {
            before: last,
            after: if last == 0 { SENTINEL } else { 1 },
            event: Event::Invoke(usize::MAX),
        });
        for (number, &event) in events.iter().enumerate() {
            let place = number + 1;
            match event {
                Event::Invoke(call) => places[call].0 = place,
                Event::Return(call) => places[call].1 = Some(place),
            }
            let after = if place == last { SENTINEL } else { place + 1 };
            links.push(Link {
                before: place - 1,
                after,
                event,
            });
        }
        Self { links, places }
    }

    /// The first place.
    pub(crate) fn first(&self) -> Option<Place> {
        self.after(SENTINEL)
    }

    /// The place after this one. Of one that was taken out last, the place that is now there.
    pub(crate) fn after(&self, place: Place) -> Option<Place> {
        let after = self.links[place].after;
        (after != SENTINEL).then_some(after)
    }

    /// What happened there.
    pub(crate) fn event(&self, place: Place) -> Event {
        self.links[place].event
    }

    /// Where a call was invoked.
    pub(crate) fn invoked_at(&self, call: usize) -> Place {
        self.places[call].0
    }

    /// Takes a call out.
    pub(crate) fn take(&mut self, call: usize) {
        let (invoked, returned) = self.places[call];
        // The return first: what comes after the invocation must still be in the list.
        if let Some(returned) = returned {
            self.unlink(returned);
        }
        self.unlink(invoked);
    }

    /// Puts back the call that was taken out last of those that are out.
    pub(crate) fn put_back(&mut self, call: usize) {
        let (invoked, returned) = self.places[call];
        self.relink(invoked);
        if let Some(returned) = returned {
            self.relink(returned);
        }
    }

    fn unlink(&mut self, place: Place) {
        let Link { before, after, .. } = self.links[place];
        self.links[before].after = after;
        self.links[after].before = before;
    }

    fn relink(&mut self, place: Place) {
        let Link { before, after, .. } = self.links[place];
        self.links[before].after = place;
        self.links[after].before = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(list: &List) -> Vec<Event> {
        let places = std::iter::successors(list.first(), |&place| list.after(place));
        places.map(|place| list.event(place)).collect()
    }

    #[test]
    fn what_is_taken_out_comes_back_at_its_place() {
        use Event::{Invoke, Return};
        let all = [Invoke(0), Invoke(1), Return(0), Invoke(2), Return(2)];
        let mut list = List::new(3, &all);
        assert_eq!(events(&list), all);
        list.take(0);
        assert_eq!(events(&list), [Invoke(1), Invoke(2), Return(2)]);
        list.take(2);
        assert_eq!(list.after(list.invoked_at(2)), None);
        assert_eq!(events(&list), [Invoke(1)]);
        list.take(1);
        assert_eq!(events(&list), []);
        list.put_back(1);
        list.put_back(2);
        list.put_back(0);
        assert_eq!(events(&list), all);
        assert_eq!(events(&List::new(0, &[])), []);
    }
}
