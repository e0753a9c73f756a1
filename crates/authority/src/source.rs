//! Where policies come from: the program's own files, or a folder.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::PolicyError;

/// Against what policies are checked.
pub(crate) const SCHEMA: (&str, &str) =
    ("citizens-access.cedarschema", include_str!("../../../policies/citizens-access.cedarschema"));

/// What goes with each set of policies.
pub(crate) const NEVER: (&str, &str) = ("never.cedar", include_str!("../../../policies/never.cedar"));

/// The program's own policies.
const STANDARD: [(&str, &str); 12] = [
    ("approver.cedar", include_str!("../../../policies/approver.cedar")),
    ("auditor.cedar", include_str!("../../../policies/auditor.cedar")),
    ("everybody.cedar", include_str!("../../../policies/everybody.cedar")),
    ("icb.cedar", include_str!("../../../policies/icb.cedar")),
    ("operator.cedar", include_str!("../../../policies/operator.cedar")),
    ("practice.cedar", include_str!("../../../policies/practice.cedar")),
    ("programme-lead.cedar", include_str!("../../../policies/programme-lead.cedar")),
    ("region.cedar", include_str!("../../../policies/region.cedar")),
    ("safety-officer.cedar", include_str!("../../../policies/safety-officer.cedar")),
    ("service.cedar", include_str!("../../../policies/service.cedar")),
    ("statistician.cedar", include_str!("../../../policies/statistician.cedar")),
    ("supplier.cedar", include_str!("../../../policies/supplier.cedar")),
];

/// The texts of a set of policies, by file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    pub(crate) files: Vec<(String, String)>,
}

impl PolicySource {
    /// The program's own.
    pub fn standard() -> Self {
        Self::of_texts(STANDARD.map(|(name, text)| (name.to_owned(), text.to_owned())))
    }

    /// Those of a folder: every file that ends in `.cedar`, and what goes with each set. Other files are not looked at, but
    /// for the program's own among them, which must be the program's.
    ///
    /// # Errors
    /// Where it cannot be read, holds none, or holds another version of what is the program's.
    pub fn folder(folder: &Path) -> Result<Self, PolicyError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            |source| PolicyError::Unreadable { path, source }
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let ours = [SCHEMA, NEVER].into_iter().find(|(ours, _)| *ours == name);
            if ours.is_none() && !name.ends_with(".cedar") {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
            match ours {
                Some((_, ours)) if ours != text => return Err(PolicyError::Foreign { file: name }),
                Some(_) => {}
                None => files.push((name, text)),
            }
        }
        if files.is_empty() {
            return Err(PolicyError::Empty { folder: folder.to_owned() });
        }
        Ok(Self::of_texts(files))
    }

    /// Policies of these texts, each with its file's name, and what goes with each set.
    pub fn of_texts(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: Vec<_> = texts.into_iter().collect();
        files.push((NEVER.0.to_owned(), NEVER.1.to_owned()));
        files.sort();
        Self { files }
    }

    /// SHA-256 over schema and policies, in hexadecimal: it changes when anything of them does.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        let schema = (SCHEMA.0.to_owned(), SCHEMA.1.to_owned());
        for (name, text) in [&schema].into_iter().chain(&self.files) {
            hash.update((name.len() as u64).to_be_bytes());
            hash.update(name);
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hex::encode(hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_programs_folder_is_the_programs_policies() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        assert_eq!(PolicySource::folder(&folder).unwrap(), PolicySource::standard());
    }

    #[test]
    fn a_folder_is_its_policies_and_what_goes_with_each_set() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        assert!(matches!(PolicySource::folder(&path("nowhere")), Err(PolicyError::Unreadable { .. })));
        assert!(matches!(PolicySource::folder(folder.path()), Err(PolicyError::Empty { .. })));
        fs::write(path("house.cedar"), "permit (principal, action, resource);").unwrap();
        fs::write(path("README.md"), "Not a policy.").unwrap();
        let source = PolicySource::folder(folder.path()).unwrap();
        let names: Vec<&str> = source.files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["house.cedar", "never.cedar"]);
        for (name, text) in [NEVER, SCHEMA] {
            fs::write(path(name), text).unwrap();
            assert_eq!(PolicySource::folder(folder.path()).unwrap(), source, "{name} is there already");
            fs::write(path(name), "// Nothing is.").unwrap();
            let refused = PolicySource::folder(folder.path());
            assert!(matches!(refused, Err(PolicyError::Foreign { file }) if file == name), "{name}");
            fs::remove_file(path(name)).unwrap();
        }
    }

    #[test]
    fn a_hash_is_of_every_name_and_every_letter() {
        let of = |name: &str, text: &str| PolicySource::of_texts([(name.to_owned(), text.to_owned())]).sha256();
        let hash = of("a.cedar", "permit (principal, action, resource);");
        assert_eq!(hash.len(), 64);
        assert_eq!(hash, of("a.cedar", "permit (principal, action, resource);"));
        assert_ne!(hash, of("b.cedar", "permit (principal, action, resource);"));
        assert_ne!(hash, of("a.cedar", "permit (principal, action, resource); "));
    }
}
