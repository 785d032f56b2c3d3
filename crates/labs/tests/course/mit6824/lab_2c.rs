//! 2C: persistence.

use crate::checks::{ELECTION_MS, command};
use crate::rig::{Outcome, Rig};
use crate::tasks::{Asking, Churning};

/// How many rounds the two figure 8 tests have.
const FIGURE_8_ROUNDS: usize = 1_000;

fn restart_connected(rig: &mut Rig, server: usize) {
    rig.restart(server);
    rig.connect(server);
}

pub(super) fn persist1(rig: &mut Rig) -> Outcome {
    let all = rig.len();
    rig.one(command(11), all)?;
    for server in 0..all {
        rig.restart(server);
    }
    rig.connect_all();
    rig.one(command(12), all)?;
    let first = rig.check_one_leader()?;
    restart_connected(rig, first);
    rig.one(command(13), all)?;
    let second = rig.check_one_leader()?;
    rig.disconnect(second);
    rig.one(command(14), all - 1)?;
    restart_connected(rig, second);
    // The leader that came back must have caught up before another one goes.
    rig.wait(4, all, None)?;
    let third = (rig.check_one_leader()? + 1) % all;
    rig.disconnect(third);
    rig.one(command(15), all - 1)?;
    restart_connected(rig, third);
    rig.one(command(16), all)?;
    Ok(())
}

pub(super) fn persist2(rig: &mut Rig) -> Outcome {
    let all = rig.len();
    let mut number = 10;
    for _ in 0..5 {
        rig.one(command(number + 1), all)?;
        let leader = rig.check_one_leader()?;
        let of_leader = |nth| (leader + nth) % all;
        rig.disconnect(of_leader(1));
        rig.disconnect(of_leader(2));
        rig.one(command(number + 2), all - 2)?;
        for nth in [0, 3, 4] {
            rig.disconnect(of_leader(nth));
        }
        restart_connected(rig, of_leader(1));
        restart_connected(rig, of_leader(2));
        rig.sleep(ELECTION_MS)?;
        restart_connected(rig, of_leader(3));
        rig.one(command(number + 3), all - 2)?;
        rig.connect(of_leader(4));
        rig.connect(leader);
        number += 3;
    }
    rig.one(command(1_000), all)?;
    Ok(())
}

pub(super) fn persist3(rig: &mut Rig) -> Outcome {
    let all = rig.len();
    rig.one(command(101), all)?;
    let leader = rig.check_one_leader()?;
    let (next, away) = ((leader + 1) % all, (leader + 2) % all);
    rig.disconnect(away);
    rig.one(command(102), all - 1)?;
    rig.crash(leader);
    rig.crash(next);
    rig.connect(away);
    restart_connected(rig, leader);
    rig.one(command(103), all - 1)?;
    restart_connected(rig, next);
    rig.one(command(104), all)?;
    Ok(())
}

/// Gives every server a command; the last connected one that took it. A leader that is cut off
/// takes commands too.
fn start_everywhere(rig: &mut Rig) -> Option<usize> {
    let mut leader = None;
    for server in 0..rig.len() {
        let command = rig.fresh();
        let is_taken = rig.start(server, command).is_some();
        if is_taken && rig.servers[server].is_connected {
            leader = Some(server);
        }
    }
    leader
}

/// Mostly too short for a commit, now and then long enough for an election.
fn sleep_a_little(rig: &mut Rig) -> Outcome {
    let is_long = rig.dice.happens(100);
    let most = if is_long { ELECTION_MS / 2 } else { 13 };
    let ms = rig.dice.below(most);
    rig.sleep(ms)
}

pub(super) fn figure8(rig: &mut Rig) -> Outcome {
    rig.one_fresh(1)?;
    for _ in 0..FIGURE_8_ROUNDS {
        let leader = start_everywhere(rig);
        sleep_a_little(rig)?;
        if let Some(leader) = leader {
            rig.crash(leader);
        }
        let up = (0..rig.len()).filter(|&server| rig.is_up(server)).count();
        let lucky = rig.dice.server(rig.len());
        if up < 3 && !rig.is_up(lucky) {
            restart_connected(rig, lucky);
        }
    }
    rig.raise_all();
    rig.one_fresh(rig.len())?;
    Ok(())
}

pub(super) fn unreliable_agree(rig: &mut Rig) -> Outcome {
    for round in 1..50 {
        for nth in 0..4 {
            let asking = Asking::new(command(100 * round + nth), 1, true);
            rig.spawn(Box::new(asking));
        }
        rig.one(command(round), 1)?;
    }
    rig.is_unreliable = false;
    rig.join()?;
    rig.one(command(100), rig.len())?;
    Ok(())
}

pub(super) fn figure8_unreliable(rig: &mut Rig) -> Outcome {
    rig.one_fresh(1)?;
    for round in 0..FIGURE_8_ROUNDS {
        rig.has_long_reordering = round >= 200;
        let leader = start_everywhere(rig);
        sleep_a_little(rig)?;
        if let Some(leader) = leader
            && rig.dice.happens(500)
        {
            rig.disconnect(leader);
        }
        let connected = rig.servers.iter().filter(|server| server.is_connected);
        let is_short = connected.count() < 3;
        let lucky = rig.dice.server(rig.len());
        if is_short {
            rig.connect(lucky);
        }
    }
    rig.connect_all();
    rig.one_fresh(rig.len())?;
    Ok(())
}

pub(super) fn churn(rig: &mut Rig) -> Outcome {
    let all = rig.len();
    for client in 0..3 {
        rig.spawn(Box::new(Churning::new(client)));
    }
    for _ in 0..20 {
        let (away, back, dead): (usize, usize, usize) = (
            rig.dice.server(all),
            rig.dice.server(all),
            rig.dice.server(all),
        );
        if rig.dice.happens(200) {
            rig.disconnect(away);
        }
        if rig.dice.happens(500) {
            if !rig.is_up(back) {
                rig.restart(back);
            }
            rig.connect(back);
        }
        if rig.dice.happens(200) {
            rig.crash(dead);
        }
        rig.sleep(700)?;
    }
    rig.sleep(ELECTION_MS)?;
    rig.is_unreliable = false;
    rig.raise_all();
    rig.clients_stop = true;
    rig.join()?;
    rig.sleep(ELECTION_MS)?;
    let last = rig.one_fresh(all)?;
    let mut log = Vec::new();
    for index in 1..=last {
        log.extend(rig.wait(index, all, None)?);
    }
    match rig.remembered.iter().find(|seen| !log.contains(seen)) {
        Some(lost) => Err(rig.failure(format!("{lost:?} was committed and is not in the log"))),
        None => Ok(()),
    }
}
