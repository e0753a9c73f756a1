//! Metrics of what lets callers in: our certificate, the keys of issuers, the policies. All but reloads of policies is read off a
//! state when somebody asks.
//!
//! Health says nothing of them: who cannot call because of them cannot ask for health either, and whoever still can is served.

use std::sync::Arc;

use authority::Authority;
use identity::{KeysState, Tokens};
use telemetry::{Counter, Gauge, Metric, Observation, Observed, observe};

static CERTIFICATE_LEFT: Metric = Metric {
    name: "citizens_access.certificate.time_left",
    unit: "s",
    description: "For how long our certificate is still valid; 0 where its time is over",
};
static CERTIFICATE_LIFE: Metric = Metric {
    name: "citizens_access.certificate.life",
    unit: "s",
    description: "For how long our certificate is valid in all",
};
static CERTIFICATE_AGE: Metric = Metric {
    name: "citizens_access.certificate.age",
    unit: "s",
    description: "Time since certificates and trust bundle were last taken from their files",
};
static CERTIFICATE_RELOADS: Metric = Metric {
    name: "citizens_access.certificate.reloads",
    unit: "{reload}",
    description: "Times since the start that files of certificates had changed, and whether they were taken",
};
static CERTIFICATE_REFUSED: Metric = Metric {
    name: "citizens_access.certificate.refused",
    unit: "{replica}",
    description: "1 while the certificates that lie there cannot be used and older ones are, else 0",
};
static KEYS_AGE: Metric = Metric {
    name: "citizens_access.token_keys.age",
    unit: "s",
    description: "Time since an issuer's keys were last fetched",
};
static KEYS_FETCHES: Metric = Metric {
    name: "citizens_access.token_keys.fetches",
    unit: "{fetch}",
    description: "Times since the start that an issuer's keys were asked for, and whether they came",
};
static KEYS_FAILING: Metric = Metric {
    name: "citizens_access.token_keys.failing",
    unit: "{replica}",
    description: "1 while an issuer's keys cannot be fetched, else 0",
};
static KEYS_STALE: Metric = Metric {
    name: "citizens_access.token_keys.stale",
    unit: "{replica}",
    description: "1 while an issuer's keys are so old that none of its tokens is believed, else 0",
};
static POLICIES_IN_FORCE: Metric = Metric {
    name: "citizens_access.policies.in_force",
    unit: "{policy}",
    description: "How many policies are in force, by the SHA-256 of their set",
};
static POLICIES_RELOADS: Metric = Metric {
    name: "citizens_access.policies.reloads",
    unit: "{reload}",
    description: "Times since the start that other policies lay in their folder, and whether they were taken",
};
static POLICIES_REFUSED: Metric = Metric {
    name: "citizens_access.policies.refused",
    unit: "{replica}",
    description: "1 while the policies that lie in the folder are wrong and older ones are in force, else 0",
};

const OUTCOME: &str = "citizens_access.outcome";
const TAKEN: [(&str, &str); 1] = [(OUTCOME, "TAKEN")];
const REFUSED: [(&str, &str); 1] = [(OUTCOME, "REFUSED")];

/// Has certificates, keys and policies looked at whenever metrics are asked for.
pub(crate) fn watch(
    tls: Option<Arc<tls::Credentials>>,
    tokens: Option<Arc<Tokens>>,
    authority: Authority,
) -> Observation {
    observe(move |seen| {
        if let Some(tls) = &tls {
            certificate(seen, &tls.state());
        }
        for keys in tokens.iter().flat_map(|tokens| tokens.state()) {
            token_keys(seen, &keys);
        }
        let policies = authority.policies();
        let set = [("citizens_access.policies.sha256", policies.sha256())];
        seen.gauge(&POLICIES_IN_FORCE, &set, policies.policy_count() as f64);
    })
}

fn certificate(seen: &mut Observed, state: &tls::State) {
    if let Some(leaf) = &state.leaf {
        seen.gauge(&CERTIFICATE_LEFT, &[], state.left.unwrap_or_default().as_secs_f64());
        seen.gauge(&CERTIFICATE_LIFE, &[], leaf.life().as_secs_f64());
    }
    seen.gauge(&CERTIFICATE_AGE, &[], state.taken_ago.as_secs_f64());
    seen.counter(&CERTIFICATE_RELOADS, &TAKEN, state.reloads_count as f64);
    seen.counter(&CERTIFICATE_RELOADS, &REFUSED, state.refusals_count as f64);
    seen.gauge(&CERTIFICATE_REFUSED, &[], one_if(state.broken.is_some()));
}

fn token_keys(seen: &mut Observed, keys: &KeysState) {
    // As it is configured, never as a token has it.
    let issuer = ("citizens_access.issuer", keys.issuer.as_str());
    seen.gauge(&KEYS_AGE, &[issuer], keys.age.as_secs_f64());
    seen.counter(&KEYS_FETCHES, &[issuer, TAKEN[0]], keys.successes_count as f64);
    seen.counter(&KEYS_FETCHES, &[issuer, REFUSED[0]], keys.failures_count as f64);
    seen.gauge(&KEYS_FAILING, &[issuer], one_if(keys.failure.is_some()));
    seen.gauge(&KEYS_STALE, &[issuer], one_if(keys.is_stale));
}

fn one_if(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

/// What becomes of the sets that lie in the folder of policies.
#[derive(Debug)]
pub(crate) struct PolicyReloads {
    taken: Arc<Counter>,
    refused: Arc<Counter>,
    is_refused: Arc<Gauge>,
}

impl PolicyReloads {
    pub(crate) fn new() -> Self {
        Self {
            taken: Counter::of(&POLICIES_RELOADS, &TAKEN),
            refused: Counter::of(&POLICIES_RELOADS, &REFUSED),
            is_refused: Gauge::of(&POLICIES_REFUSED, &[]),
        }
    }

    /// What lies there is in force.
    pub(crate) fn in_force(&self) {
        self.is_refused.set(0);
    }

    /// Another set was put in force.
    pub(crate) fn taken(&self) {
        self.taken.add(1);
        self.in_force();
    }

    /// A set that is wrong lies there: `anew` where it was not there at the last look.
    pub(crate) fn refused(&self, anew: bool) {
        self.is_refused.set(1);
        self.refused.add(u64::from(anew));
    }
}
