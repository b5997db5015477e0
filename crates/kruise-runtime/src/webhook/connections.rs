//! Who is connected to a server, which anyone in the cluster's network can reach: a bound on all connections, and a
//! lower one on those of each peer, so that no peer alone can take what all have.
//!
//! At a bound the newcomer is not turned away: a connection on which nothing is done has to go. Of the peer that has
//! most idle connections it is the one that has been idle for longest. A connection works from the moment at which a
//! request has come whole until the request is answered. Whoever is only talking doesn't work, however busy the
//! connection is.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

/// How often the log tells that connections were closed.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// How many connections there may be at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) all: usize,
    pub(crate) of_a_peer: usize,
    /// How many of all may be in their TLS handshake.
    pub(crate) handshakes: usize,
}

/// The connections of one server.
pub(crate) struct Connections {
    /// Name of the server, for the log.
    server: &'static str,
    bounds: Bounds,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    seats: HashMap<u64, Taken>,
    told_at: Option<Instant>,
    closed_untold: usize,
}

struct Taken {
    peer: IpAddr,
    state: State,
    leave: CancellationToken,
}

#[derive(Clone, Copy)]
struct State {
    shakes_hands: bool,
    working: usize,
    /// Since when nothing is done; without meaning while something is done.
    since: Instant,
}

/// What one connection holds as long as it lasts.
pub(crate) struct Seat {
    connections: Arc<Connections>,
    number: u64,
    leave: CancellationToken,
}

impl Connections {
    pub(crate) fn new(server: &'static str, bounds: Bounds) -> Arc<Self> {
        Arc::new(Self {
            server,
            bounds,
            table: Mutex::default(),
        })
    }

    /// A seat for a new connection. `None` when all that might go for it are at work.
    pub(crate) fn seat(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let peer = peer.to_canonical();
        let mut table = self.lock();
        let Bounds {
            all,
            of_a_peer,
            handshakes,
        } = self.bounds;
        let has_room = self.make_room(&mut table, of_a_peer, |taken| taken.peer == peer)
            && self.make_room(&mut table, handshakes, |taken| taken.state.shakes_hands)
            && self.make_room(&mut table, all, |_| true);
        if !has_room {
            return None;
        }
        let number = table.next;
        table.next += 1;
        let leave = CancellationToken::new();
        let taken = Taken {
            peer,
            state: State {
                shakes_hands: true,
                working: 0,
                since: Instant::now(),
            },
            leave: leave.clone(),
        };
        table.seats.insert(number, taken);
        Some(Seat {
            connections: Arc::clone(self),
            number,
            leave,
        })
    }

    /// Makes room for one more of the connections that `counts` selects, if need be by closing one. Returns whether
    /// there is room.
    fn make_room(&self, table: &mut Table, bound: usize, counts: impl Fn(&Taken) -> bool) -> bool {
        if table.seats.values().filter(|taken| counts(taken)).count() < bound {
            return true;
        }
        let mut idle_of = HashMap::<IpAddr, usize>::new();
        let idle = |taken: &&Taken| counts(taken) && taken.state.working == 0;
        for taken in table.seats.values().filter(idle) {
            *idle_of.entry(taken.peer).or_default() += 1;
        }
        let first_to_go = table
            .seats
            .iter()
            .filter(|(_, taken)| idle(taken))
            .max_by_key(|(number, taken)| {
                let of_its_peer = idle_of.get(&taken.peer).copied();
                let oldest = std::cmp::Reverse((taken.state.since, **number));
                (of_its_peer, oldest)
            })
            .map(|(number, _)| *number);
        let Some(gone) = first_to_go.and_then(|number| table.seats.remove(&number)) else {
            return false;
        };
        gone.leave.cancel();
        self.tell(table);
        true
    }

    /// Warns once in a while: whoever can reach the port can cause this, as often as they like.
    fn tell(&self, table: &mut Table) {
        table.closed_untold += 1;
        if table.told_at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            table.told_at = Some(Instant::now());
            let closed = std::mem::take(&mut table.closed_untold);
            let server = self.server;
            tracing::warn!(server, closed, "too many connections, closing idle ones");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Ends when the connection has to go for another one.
    pub(crate) fn taken_away(&self) -> WaitForCancellationFuture<'_> {
        self.leave.cancelled()
    }

    /// The handshake is done.
    pub(crate) fn has_shaken_hands(&self) {
        self.change(|state| state.shakes_hands = false);
    }

    /// A request has begun to come.
    pub(crate) fn hears(&self) {
        self.change(|state| state.since = Instant::now());
    }

    /// A request has come whole.
    pub(crate) fn begins_to_work(&self) {
        self.change(|state| state.working += 1);
    }

    /// A request has been answered.
    pub(crate) fn has_worked(&self) {
        self.change(|state| {
            state.working = state.working.saturating_sub(1);
            state.since = Instant::now();
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        if let Some(taken) = self.connections.lock().seats.get_mut(&self.number) {
            change(&mut taken.state);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.lock().seats.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const ROOM: Bounds = Bounds {
        all: 6,
        of_a_peer: 4,
        handshakes: 6,
    };

    fn peer(number: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, number])
    }

    /// Seats of these peers, taken one after the other, whose handshakes are done.
    async fn seats(connections: &Arc<Connections>, peers: &[u8]) -> Vec<Seat> {
        let mut seats = vec![];
        for &number in peers {
            let seat = connections.seat(peer(number)).unwrap();
            seat.has_shaken_hands();
            seats.push(seat);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        seats
    }

    fn gone(seats: &[Seat]) -> Vec<usize> {
        let is_gone = |seat: &Seat| seat.taken_away().now_or_never().is_some();
        (0..seats.len()).filter(|&at| is_gone(&seats[at])).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn of_a_peer_with_too_many_the_one_that_is_idle_longest_goes() {
        let connections = Connections::new("test", ROOM);
        let seats = seats(&connections, &[1, 1, 1, 1, 1, 1]).await;
        assert_eq!(gone(&seats), [0, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn of_all_the_peer_with_most_idle_ones_gives_one_up() {
        let connections = Connections::new("test", ROOM);
        let seats = seats(&connections, &[2, 1, 1, 1, 2, 3, 4]).await;
        assert_eq!(gone(&seats), [1]);
        let _newcomer = connections.seat(peer(5)).unwrap();
        assert_eq!(gone(&seats), [0, 1], "two have as many: the oldest of both");
    }

    #[tokio::test(start_paused = true)]
    async fn who_works_never_goes_and_who_has_worked_goes_last() {
        let connections = Connections::new("test", ROOM);
        let seats = seats(&connections, &[1, 1, 1, 1]).await;
        seats[0].begins_to_work();
        seats[1].hears();
        seats[2].begins_to_work();
        seats[2].has_worked();
        let mut more = vec![connections.seat(peer(1)).unwrap()];
        assert_eq!(gone(&seats), [3]);
        more.extend((0..2).filter_map(|_| connections.seat(peer(1))));
        assert_eq!(gone(&seats), [1, 2, 3]);
        for seat in &more {
            seat.begins_to_work();
        }
        assert!(connections.seat(peer(1)).is_none(), "all are at work");
        assert!(connections.seat(peer(2)).is_some());
        drop(seats);
        assert!(connections.seat(peer(1)).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn of_too_many_handshakes_the_oldest_is_given_up() {
        let bounds = Bounds {
            handshakes: 2,
            ..ROOM
        };
        let connections = Connections::new("test", bounds);
        let done = seats(&connections, &[1, 1]).await;
        let mut shaking = vec![];
        for number in [2, 2, 1] {
            shaking.push(connections.seat(peer(number)).unwrap());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(gone(&done), [0usize; 0]);
        assert_eq!(gone(&shaking), [0]);
    }
}
