//! Whom gates ask besides: the options of `serve` about it.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, ensure};
use clap::Args;
use http::HeaderValue;
use ods_api::BaseUrl;
use rollout::spec::HookName;
use rollout_scheduler::{GateHook, GateHooks};

#[derive(Args, Clone, Debug)]
pub(crate) struct GateArguments {
    /// Where a hook is asked that documents of programmes name at their gates: clinical-review=https://review.example/gate;
    /// once for each
    #[arg(long = "gate-hook", value_name = "NAME=URL")]
    hooks: Vec<HookAddress>,
    /// A file that holds the token which a hook wants from us: clinical-review=/run/secrets/review
    #[arg(long = "gate-hook-token-file", value_name = "NAME=FILE")]
    tokens: Vec<HookToken>,
}

/// `clinical-review=https://review.example/gate`.
#[derive(Clone, Debug)]
struct HookAddress {
    name: HookName,
    base: BaseUrl,
}

/// `clinical-review=/run/secrets/review`.
#[derive(Clone, Debug)]
struct HookToken {
    name: HookName,
    file: PathBuf,
}

impl FromStr for HookAddress {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let shape = "NAME=URL, such as clinical-review=https://review.example/gate";
        let (name, url) = text.split_once('=').with_context(|| format!("a hook is given as {shape}"))?;
        Ok(Self { name: HookName::new(name)?, base: url.parse()? })
    }
}

impl FromStr for HookToken {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let shape = "NAME=FILE, such as clinical-review=/run/secrets/review";
        let (name, file) = text.split_once('=').with_context(|| format!("{text:?} is not {shape}"))?;
        Ok(Self { name: HookName::new(name)?, file: file.into() })
    }
}

impl GateArguments {
    pub(crate) fn is_given(&self) -> bool {
        !self.hooks.is_empty() || !self.tokens.is_empty()
    }

    /// The hooks that are configured.
    pub(crate) fn hooks(&self) -> anyhow::Result<GateHooks> {
        for HookToken { name, .. } in &self.tokens {
            let is_hook = self.hooks.iter().any(|hook| hook.name == *name);
            ensure!(is_hook, "--gate-hook-token-file {name} names a hook without an address: add --gate-hook");
            let count = self.tokens.iter().filter(|token| token.name == *name).count();
            ensure!(count == 1, "--gate-hook-token-file {name} is given twice");
        }
        let mut hooks = GateHooks::default();
        for HookAddress { name, base } in &self.hooks {
            let token = self.tokens.iter().find(|token| token.name == *name);
            let authorization = token.map(|token| bearer(&token.file)).transpose()?;
            let hook = GateHook::new(base.clone(), authorization)?;
            ensure!(hooks.add(name.clone(), hook), "--gate-hook {name} is given twice");
        }
        Ok(hooks)
    }
}

/// What the token in a file is sent as. An error does not repeat it.
fn bearer(file: &Path) -> anyhow::Result<HeaderValue> {
    let shown = file.display();
    let token = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let token = token.trim();
    ensure!(!token.is_empty(), "{shown} is empty: it must hold the hook's token");
    let value = HeaderValue::try_from(format!("Bearer {token}")).ok();
    value.with_context(|| format!("{shown} holds something else than one token: a line of printable characters"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Given {
        #[command(flatten)]
        gates: GateArguments,
    }

    fn hooks(arguments: &[&str]) -> Result<(), String> {
        let arguments = std::iter::once(&"serve").chain(arguments);
        let given = Given::try_parse_from(arguments).map_err(|error| error.to_string())?;
        given.gates.hooks().map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_hook_has_a_name_an_address_and_perhaps_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            format!("review={}", path.display())
        };
        let (token, two_lines) = (file("token", "s3cret\n"), file("two", "s3cret\nand more\n"));
        let review = "--gate-hook=review=http://127.0.0.1:9/gate";
        assert_eq!(hooks(&[review]), Ok(()));
        assert_eq!(hooks(&[review, "--gate-hook-token-file", &token]), Ok(()));
        for (arguments, said) in [
            (vec!["--gate-hook=review"], "NAME=URL"),
            (vec!["--gate-hook=Review=http://127.0.0.1:9"], "not a hook's name"),
            (vec!["--gate-hook=review=http://review.example"], "only https"),
            (vec![review, review], "given twice"),
            (vec!["--gate-hook-token-file", &token], "add --gate-hook"),
            (vec![review, "--gate-hook-token-file", "review=/nowhere"], "cannot read"),
            (vec![review, "--gate-hook-token-file", &two_lines], "one token"),
        ] {
            let error = hooks(&arguments).unwrap_err();
            assert!(error.contains(said) && !error.contains("s3cret"), "{error}");
        }
    }
}
