//! 2A: elections.

use crate::checks::ELECTION_MS;
use crate::rig::{Outcome, Rig};

pub(super) fn initial_election(rig: &mut Rig) -> Outcome {
    rig.check_one_leader()?;
    // A follower may not have heard of its leader yet.
    rig.sleep(50)?;
    if rig.check_terms()? < 1 {
        return Err(rig.failure("there is a leader of term 0"));
    }
    rig.sleep(2 * ELECTION_MS)?;
    rig.check_terms()?;
    rig.check_one_leader()?;
    Ok(())
}

pub(super) fn re_election(rig: &mut Rig) -> Outcome {
    let first = rig.check_one_leader()?;
    rig.disconnect(first);
    rig.check_one_leader()?;
    // The first one must not disturb the one that leads now.
    rig.connect(first);
    let second = rig.check_one_leader()?;
    let next = (second + 1) % rig.len();
    rig.disconnect(second);
    rig.disconnect(next);
    rig.sleep(2 * ELECTION_MS)?;
    rig.check_no_leader()?;
    rig.connect(next);
    rig.check_one_leader()?;
    rig.connect(second);
    rig.check_one_leader()?;
    Ok(())
}

pub(super) fn many_elections(rig: &mut Rig) -> Outcome {
    rig.check_one_leader()?;
    for _ in 0..9 {
        let away: [usize; 3] = std::array::from_fn(|_| rig.dice.server(rig.len()));
        for server in away {
            rig.disconnect(server);
        }
        rig.check_one_leader()?;
        for server in away {
            rig.connect(server);
        }
    }
    rig.check_one_leader()?;
    Ok(())
}
