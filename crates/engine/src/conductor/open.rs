//! Opening a cluster: where its disks can be, whose it is, what was saved of it.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use cluster::{ClusterConfig, Conductor};
use protocol::{ClusterName, DiskKind, FromConductor, OpenError};
use types::{
    id::StoreId,
    settings::{self, Settings},
};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{BroadcastChannel, MessageEvent};

use super::{Phase, Shell, live::Live, vault::Vault};
use crate::{
    disk::{Database, Disk, DiskError, Existing},
    locks::{self, How, Lock},
    port,
};

/// How long another tab may take to let a cluster go, in milliseconds.
const HAND_OVER_MS: u32 = 2_000;
/// How long the lock is waited for before looking whether another tab answered, in milliseconds,
/// and how often. A conductor that was just ended, as by a reload, is silent, and a busy browser
/// takes up to two seconds to free its lock.
const GRACE_MS: u32 = 250;
const GRACE_TRIES: u32 = 12;
/// What a tab says that wants the cluster.
const TAKE_OVER: &str = "take over";
/// What a tab says that would open the cluster.
const WHO_IS_THERE: &str = "who is there";
/// What the tab answers that has the cluster.
const HERE: &str = "here";

/// What this conductor holds of a cluster, whether it runs or not.
pub(super) struct Grounds {
    pub(super) cluster: ClusterName,
    pub(super) disks: DiskKind,
    /// Absent when disks are in memory, like everything below.
    pub(super) vault: Option<Rc<Vault>>,
    lock: RefCell<Option<Lock>>,
    channel: RefCell<Option<Channel>>,
}

/// Where other tabs ask for the cluster.
struct Channel {
    inner: BroadcastChannel,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.inner.close();
    }
}

/// A question to other tabs: is somebody there? It ends when this is dropped.
struct Asking {
    answered: Rc<Cell<bool>>,
    _channel: Option<Channel>,
}

impl Asking {
    fn new(name: &str) -> Self {
        let answered = Rc::new(Cell::new(false));
        let channel = BroadcastChannel::new(name).ok().map(|inner| {
            let heard = Rc::clone(&answered);
            let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
                if event.data().as_string().as_deref() == Some(HERE) {
                    heard.set(true);
                }
            });
            inner.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
            // Unheard, it costs the whole patience and nothing else.
            let _ = inner.post_message(&JsValue::from_str(WHO_IS_THERE));
            Channel {
                inner,
                _on_message: on_message,
            }
        });
        Self {
            answered,
            _channel: channel,
        }
    }
}

/// The cluster is open in another tab.
struct Elsewhere;

impl Shell {
    /// Opens a cluster for the page, and tells it how that went.
    pub(super) async fn open(
        self: &Rc<Self>,
        cluster: ClusterName,
        settings: Settings,
        take_over: bool,
    ) {
        // Starting workers takes longest; most clusters have the stores that the page expects.
        let warm = usize::try_from(settings.stores).unwrap_or(0).min(9);
        let grounds = match self.stake_out(&cluster, take_over, warm).await {
            Ok(Ok(grounds)) => Rc::new(grounds),
            Ok(Err(Elsewhere)) => {
                self.phase.replace(Phase::Waiting);
                port::post_to_parent(&FromConductor::OpenElsewhere);
                return;
            }
            Err(error) => {
                self.phase.replace(Phase::Waiting);
                super::notice(protocol::Notice::CannotOpen(error));
                return;
            }
        };
        self.listen(&grounds);
        let saved = match &grounds.vault {
            Some(vault) => vault.load().await,
            None => Ok(None),
        };
        match saved {
            Ok(Some(saved)) => {
                let conductor = Conductor::resume(saved);
                self.launch(grounds, conductor, true).await;
            }
            Ok(None) => self.create_anew(grounds, settings).await,
            Err(error) => self.shut(grounds, error),
        }
    }

    /// Forgets what was saved, wipes every disk and creates a new cluster.
    pub(super) async fn create_anew(self: &Rc<Self>, grounds: Rc<Grounds>, settings: Settings) {
        let settings = match settings.validate() {
            Ok(settings) => settings,
            Err(error) => return self.shut(grounds, error.into()),
        };
        // The saved cluster goes first: interrupted here, the next start finds none and wipes.
        let wiped = match &grounds.vault {
            Some(vault) => match vault.forget().await {
                Ok(()) => wipe_all(&grounds.cluster).await,
                Err(error) => Err(error),
            },
            None => Ok(()),
        };
        if let Err(error) = wiped {
            return self.shut(grounds, browser(&error));
        }
        let workload = None;
        let conductor = Conductor::create(ClusterConfig { settings, workload });
        self.launch(grounds, conductor, false).await;
    }

    async fn launch(
        self: &Rc<Self>,
        grounds: Rc<Grounds>,
        mut conductor: Conductor,
        resumed: bool,
    ) {
        conductor.watch();
        conductor.record_page_client();
        if let Some(vault) = &grounds.vault {
            let stores: Vec<StoreId> = conductor.stores().collect();
            // Saved before anything runs: the segment must never be used twice.
            let ready = match vault.save(&conductor.saved(), &VecDeque::new()).await {
                Ok(()) => make_disks(&grounds.cluster, &stores).await,
                Err(error) => Err(error),
            };
            if let Err(error) = ready {
                return self.shut(grounds, browser(&error));
            }
        }
        // Another tab may have taken the cluster meanwhile.
        if self.is_over() {
            return;
        }
        port::post_to_parent(&FromConductor::Opened {
            cluster: grounds.cluster.clone(),
            resumed,
            disks: grounds.disks.clone(),
        });
        self.go_live(Live::new(Rc::downgrade(self), grounds, conductor));
    }

    /// Finds out where disks can be, and takes the cluster.
    async fn stake_out(
        self: &Rc<Self>,
        cluster: &ClusterName,
        take_over: bool,
        warm: usize,
    ) -> Result<Result<Grounds, Elsewhere>, OpenError> {
        let name = locks::cluster_name(cluster);
        let in_memory = |reason: String| Grounds {
            cluster: cluster.clone(),
            disks: DiskKind::Memory { reason },
            vault: None,
            lock: RefCell::default(),
            channel: RefCell::default(),
        };
        let lock = match self.take(&name, take_over).await {
            Ok(Some(lock)) => lock,
            Ok(None) => return Ok(Err(Elsewhere)),
            Err(error) => {
                self.crew.borrow_mut().warm_up(warm);
                return Ok(Ok(in_memory(error.to_string())));
            }
        };
        self.crew.borrow_mut().warm_up(warm);
        match Vault::open(&name).await {
            Ok(vault) => Ok(Ok(Grounds {
                cluster: cluster.clone(),
                disks: DiskKind::IndexedDb,
                vault: Some(Rc::new(vault)),
                lock: RefCell::new(Some(lock)),
                channel: RefCell::default(),
            })),
            Err(error @ DiskError::Newer { .. }) => Err(OpenError::Newer {
                reason: error.to_string(),
            }),
            Err(error) => Ok(Ok(in_memory(error.to_string()))),
        }
    }

    async fn take(
        self: &Rc<Self>,
        name: &str,
        take_over: bool,
    ) -> Result<Option<Lock>, locks::LockError> {
        let on_stolen = || {
            let shell = Rc::clone(self);
            move || shell.lose(false)
        };
        if !take_over {
            let asking = Asking::new(name);
            for _ in 0..GRACE_TRIES {
                let lock = locks::hold(name, How::WaitFor(GRACE_MS), on_stolen()).await?;
                if lock.is_some() || asking.answered.get() {
                    return Ok(lock);
                }
            }
            return Ok(None);
        }
        if let Ok(channel) = BroadcastChannel::new(name) {
            // Who does not hear it is stolen from.
            let _ = channel.post_message(&JsValue::from_str(TAKE_OVER));
            channel.close();
        }
        let given = locks::hold(name, How::WaitFor(HAND_OVER_MS), on_stolen()).await?;
        if given.is_some() {
            return Ok(given);
        }
        locks::hold(name, How::Steal, on_stolen()).await
    }

    fn listen(self: &Rc<Self>, grounds: &Grounds) {
        if grounds.vault.is_none() {
            return;
        }
        let Ok(inner) = BroadcastChannel::new(&locks::cluster_name(&grounds.cluster)) else {
            return;
        };
        let shell = Rc::downgrade(self);
        let here = inner.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            match (event.data().as_string().as_deref(), shell.upgrade()) {
                (Some(WHO_IS_THERE), Some(_)) => {
                    // Who does not hear it waits a little longer, and learns the same.
                    let _ = here.post_message(&JsValue::from_str(HERE));
                }
                (Some(TAKE_OVER), Some(shell)) => shell.lose(true),
                _ => {}
            }
        });
        inner.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let channel = Channel {
            inner,
            _on_message: on_message,
        };
        grounds.channel.replace(Some(channel));
    }

    /// Another tab takes the cluster: the stores go first, then, when it asked, what is not saved
    /// yet is saved and the lock comes free.
    fn lose(self: &Rc<Self>, asked: bool) {
        self.crew.borrow_mut().dismiss_all();
        let before = self.phase.replace(Phase::Over);
        spawn_local(async move {
            let grounds = match before {
                Phase::Live(mut live) => {
                    if asked {
                        live.save_at_last().await;
                    }
                    Some(live.grounds())
                }
                Phase::Shut(grounds) => Some(grounds),
                // Who is opening it finds this phase, and lets it go.
                Phase::Waiting | Phase::Opening(_) => None,
                Phase::Over => return,
            };
            if let Some(grounds) = grounds {
                grounds.channel.take();
                grounds.lock.take();
            }
            port::post_to_parent(&FromConductor::TakenOver);
        });
    }
}

/// Makes the databases of `stores`, or brings them to this version's layout.
async fn make_disks(cluster: &ClusterName, stores: &[StoreId]) -> Result<(), DiskError> {
    for &store in stores {
        match Disk::create(&locks::store_name(cluster, store)).await {
            // The store itself says so when it opens it.
            Ok(_) | Err(DiskError::Newer { .. } | DiskError::NoTable { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Wipes the disks of all stores that the cluster ever had, each under its store's lock.
async fn wipe_all(cluster: &ClusterName) -> Result<(), DiskError> {
    for name in store_names(cluster).await {
        let lock = locks::hold(&name, How::Wait, || {}).await;
        let _lock = lock.map_err(|error| DiskError::Refused {
            what: "lock a disk",
            reason: error.reason,
        })?;
        match Disk::create(&name).await {
            Ok(disk) => disk.wipe().await?,
            // Not ours to wipe; the store says so when it opens it.
            Err(DiskError::Newer { .. } | DiskError::NoTable { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The names of the databases that the cluster's stores have, or may have where the browser does
/// not tell.
async fn store_names(cluster: &ClusterName) -> Vec<String> {
    let prefix = format!("{}/", locks::cluster_name(cluster));
    match Database::existing().await {
        Existing::Names(mut names) => {
            let is_store = |name: &str| {
                let id = name.strip_prefix(&prefix);
                id.is_some_and(|id| id.parse::<u64>().is_ok())
            };
            names.retain(|name| is_store(name));
            names
        }
        Existing::Unknown => {
            let stores = settings::TABLE.iter().find(|spec| spec.name == "stores");
            let most = stores.map_or(0, |spec| spec.max);
            let name = |store| locks::store_name(cluster, StoreId::new(store));
            (1..=most).map(name).collect()
        }
    }
}

fn browser(error: &DiskError) -> OpenError {
    OpenError::Browser {
        reason: error.to_string(),
    }
}
