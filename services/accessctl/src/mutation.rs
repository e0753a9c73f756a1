//! What every change takes: why, and an id by which a repeated call changes nothing twice.

use anyhow::Context;
use clap::Args;

#[derive(Args)]
pub(crate) struct Change {
    /// Why, in words; kept beside the journal and redactable. Never a patient's name or number
    #[arg(long, default_value = "", value_name = "WORDS")]
    pub(crate) reason: String,
    /// Why, as a code
    #[arg(long, default_value = "OPERATOR_REQUEST", value_name = "UPPER_SNAKE")]
    pub(crate) reason_code: String,
    /// Say what would happen and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Names this call, so that repeating it changes nothing twice; made up where it is left out
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
}

impl Change {
    /// The call's id: the given one, or a random one.
    pub(crate) fn request_id(&self) -> anyhow::Result<String> {
        match &self.request_id {
            Some(id) => Ok(id.clone()),
            None => {
                let mut bytes = [0; 16];
                getrandom::fill(&mut bytes).context("this machine gives no random numbers; use --request-id")?;
                Ok(format!("accessctl-{}", hex::encode(bytes)))
            }
        }
    }
}

/// `practices/A81001` from `A81001` or from itself.
pub(crate) fn name(collection: &str, given: &str) -> String {
    if given.contains('/') { given.to_owned() } else { format!("{collection}/{given}") }
}
