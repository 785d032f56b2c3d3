//! 2B: the log.

use bytes::Bytes;

use crate::checks::{ELECTION_MS, command};
use crate::rig::{Outcome, Rig};

/// How often a test that needs a term which lasts may be tried again.
const TRIES: usize = 5;

/// Gives a leader commands that it can never commit.
fn start_in_vain(rig: &mut Rig, leader: usize, commands: u64) {
    for _ in 0..commands {
        let command = rig.fresh();
        rig.start(leader, command);
    }
}

pub(super) fn basic_agree(rig: &mut Rig) -> Outcome {
    for index in 1..=3 {
        if rig.committed_at(index).0 > 0 {
            return Err(rig.failure(format!("{index} is committed before anybody asked for it")));
        }
        let at = rig.one_try(command(index * 100), rig.len())?;
        if at != index {
            return Err(rig.failure(format!("a command got index {at} and not {index}")));
        }
    }
    Ok(())
}

pub(super) fn rpc_bytes(rig: &mut Rig) -> Outcome {
    rig.one_try(command(99), rig.len())?;
    let before = rig.call_bytes;
    let mut sent = 0;
    for index in 2..12 {
        let long: Bytes = (0..5_000)
            .map(|_| rig.dice.below(26) as u8 + b'a')
            .collect();
        sent += long.len() as u64;
        let at = rig.one_try(long, rig.len())?;
        if at != index {
            return Err(rig.failure(format!("a command got index {at} and not {index}")));
        }
    }
    let (bytes, most) = (rig.call_bytes - before, rig.len() as u64 * sent + 50_000);
    if bytes > most {
        return Err(rig.failure(format!("calls took {bytes} bytes, more than {most}")));
    }
    Ok(())
}

pub(super) fn fail_agree(rig: &mut Rig) -> Outcome {
    let all = rig.len();
    rig.one_try(command(101), all)?;
    let away = (rig.check_one_leader()? + 1) % all;
    rig.disconnect(away);
    rig.one_try(command(102), all - 1)?;
    rig.one_try(command(103), all - 1)?;
    rig.sleep(ELECTION_MS)?;
    rig.one_try(command(104), all - 1)?;
    rig.one_try(command(105), all - 1)?;
    rig.connect(away);
    rig.one(command(106), all)?;
    rig.sleep(ELECTION_MS)?;
    rig.one(command(107), all)?;
    Ok(())
}

pub(super) fn fail_no_agree(rig: &mut Rig) -> Outcome {
    let all = rig.len();
    rig.one_try(command(10), all)?;
    let leader = rig.check_one_leader()?;
    let away = [1, 2, 3].map(|nth| (leader + nth) % all);
    for server in away {
        rig.disconnect(server);
    }
    match rig.start(leader, command(20)) {
        Some((2, _)) => {}
        other => return Err(rig.failure(format!("a leader made {other:?} of its second command"))),
    }
    rig.sleep(2 * ELECTION_MS)?;
    let (count, _) = rig.committed_at(2);
    if count > 0 {
        return Err(rig.failure(format!("{count} servers applied 2 without a majority")));
    }
    rig.connect_all();
    // The others may have elected somebody who never saw the second command.
    let leader = rig.check_one_leader()?;
    match rig.start(leader, command(30)) {
        Some((2 | 3, _)) => {}
        other => return Err(rig.failure(format!("a leader made {other:?} of the next command"))),
    }
    rig.one(command(1_000), all)?;
    Ok(())
}

pub(super) fn concurrent_starts(rig: &mut Rig) -> Outcome {
    for _ in 0..TRIES {
        let leader = rig.check_one_leader()?;
        let Some((_, term)) = rig.start(leader, command(1)) else {
            continue;
        };
        let wanted: Vec<Bytes> = (100..105).map(command).collect();
        let taken = wanted.iter().map(|each| rig.start(leader, each.clone()));
        let taken: Vec<(u64, u64)> = taken.flatten().collect();
        if let Some(found) = committed_of_term(rig, term, &taken)? {
            return match wanted.iter().find(|each| !found.contains(each)) {
                Some(lost) => Err(rig.failure(format!("{lost:?} was taken and is not there"))),
                None => Ok(()),
            };
        }
        rig.sleep(3_000)?;
    }
    Err(rig.failure("terms changed too often"))
}

/// What became committed at these indexes; nothing when another term began.
fn committed_of_term(
    rig: &mut Rig,
    term: u64,
    taken: &[(u64, u64)],
) -> Outcome<Option<Vec<Bytes>>> {
    let mut found = Vec::new();
    for &(index, _) in taken {
        let Some(command) = rig.wait(index, rig.len(), Some(term))? else {
            return Ok(None);
        };
        found.push(command);
    }
    let holds = taken.iter().all(|&(_, of)| of == term);
    Ok(holds.then_some(found))
}

pub(super) fn rejoin(rig: &mut Rig) -> Outcome {
    let all = rig.len();
    rig.one(command(101), all)?;
    let first = rig.check_one_leader()?;
    rig.disconnect(first);
    for number in 102..105 {
        rig.start(first, command(number));
    }
    rig.one(command(203), all - 1)?;
    let second = rig.check_one_leader()?;
    rig.disconnect(second);
    rig.connect(first);
    rig.one(command(204), all - 1)?;
    rig.connect(second);
    rig.one(command(205), all)?;
    Ok(())
}

pub(super) fn backup(rig: &mut Rig) -> Outcome {
    let all = rig.len();
    rig.one_fresh(all)?;
    let first = rig.check_one_leader()?;
    let of_first = |nth| (first + nth) % all;
    for nth in [2, 3, 4] {
        rig.disconnect(of_first(nth));
    }
    start_in_vain(rig, first, 50);
    rig.sleep(ELECTION_MS / 2)?;
    rig.disconnect(first);
    rig.disconnect(of_first(1));
    for nth in [2, 3, 4] {
        rig.connect(of_first(nth));
    }
    for _ in 0..50 {
        rig.one_fresh(3)?;
    }
    let second = rig.check_one_leader()?;
    let mut other = of_first(2);
    if other == second {
        other = (second + 1) % all;
    }
    rig.disconnect(other);
    start_in_vain(rig, second, 50);
    rig.sleep(ELECTION_MS / 2)?;
    for server in 0..all {
        rig.disconnect(server);
    }
    for server in [first, of_first(1), other] {
        rig.connect(server);
    }
    for _ in 0..50 {
        rig.one_fresh(3)?;
    }
    rig.connect_all();
    rig.one_fresh(all)?;
    Ok(())
}

pub(super) fn count(rig: &mut Rig) -> Outcome {
    rig.check_one_leader()?;
    if !(1..=30).contains(&rig.calls) {
        return Err(rig.failure(format!("{} calls to elect the first leader", rig.calls)));
    }
    for _ in 0..TRIES {
        if count_of_term(rig)? {
            let before = rig.calls;
            rig.sleep(ELECTION_MS)?;
            let idle = rig.calls - before;
            if idle > 60 {
                return Err(rig.failure(format!("{idle} calls in a second without work")));
            }
            return Ok(());
        }
        rig.sleep(3_000)?;
    }
    Err(rig.failure("terms changed too often"))
}

/// Counts the calls that a dozen commands take; says whether all of it happened in one term.
fn count_of_term(rig: &mut Rig) -> Outcome<bool> {
    const COMMANDS: u64 = 10;
    let leader = rig.check_one_leader()?;
    let before = rig.calls;
    let Some((first, term)) = rig.start(leader, command(1)) else {
        return Ok(false);
    };
    let commands: Vec<Bytes> = (0..=COMMANDS).map(|_| rig.fresh()).collect();
    for (nth, command) in (1..).zip(&commands) {
        match rig.start(leader, command.clone()) {
            Some((index, of)) if of == term && index == first + nth => {}
            Some((index, of)) if of == term => {
                return Err(rig.failure(format!("command {nth} got index {index}")));
            }
            _ => return Ok(false),
        }
    }
    for (nth, command) in (1..=COMMANDS).zip(&commands) {
        match rig.wait(first + nth, rig.len(), Some(term))? {
            Some(found) if found == *command => {}
            Some(_) => return Err(rig.failure(format!("another command at {}", first + nth))),
            None => return Ok(false),
        }
    }
    if (0..rig.len()).any(|server| rig.term(server) != term) {
        return Ok(false);
    }
    let (calls, most) = (rig.calls - before, (COMMANDS + 1 + 3) * 3);
    if calls > most {
        return Err(rig.failure(format!(
            "{calls} calls for a dozen commands, more than {most}"
        )));
    }
    Ok(true)
}
