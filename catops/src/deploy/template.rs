//! Reads of a `CloudFormation` template what a plan says: names and types of resources, defaults of parameters. It knows the
//! layout of `infra/template.yaml` (two spaces a level, one entry a name), not YAML, and never judges a template.

#[cfg(test)]
mod tests;

/// Spaces before the name of an entry, and before its members.
const NAME_INDENT: usize = 2;
const MEMBER_INDENT: usize = 4;

/// One entry of a section: a resource, a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name in the template.
    pub name: &'a str,
    members: Vec<(&'a str, &'a str)>,
}

impl<'a> Entry<'a> {
    /// What stands behind a member's name on its line.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&'a str> {
        self.members.iter().find(|(own, _)| *own == name).map(|(_, value)| *value)
    }

    /// `AWS::DynamoDB::Table`.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        self.member("Type").unwrap_or_default()
    }
}

/// The entries of a section, `Resources` or `Parameters`, in the template's order.
#[must_use]
pub fn entries<'a>(template: &'a str, section: &str) -> Vec<Entry<'a>> {
    let mut found: Vec<Entry<'a>> = Vec::new();
    let mut within = false;
    for line in template.lines() {
        let indent = line.len() - line.trim_start().len();
        let Some((name, value)) = member(line) else { continue };
        match indent {
            0 => within = name == section,
            NAME_INDENT if within => found.push(Entry { name, members: Vec::new() }),
            MEMBER_INDENT if within => {
                if let Some(entry) = found.last_mut() {
                    entry.members.push((name, value));
                }
            }
            _ => {}
        }
    }
    found
}

/// `name: value`, and nothing of a comment or a list.
fn member(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', '-']) {
        return None;
    }
    let (name, value) = line.split_once(':')?;
    let value = value.split(" #").next().unwrap_or_default();
    Some((name, value.trim().trim_matches('"')))
}

/// How many resources are of this type.
#[must_use]
pub fn count(resources: &[Entry<'_>], kind: &str) -> u64 {
    resources.iter().map(|resource| u64::from(resource.kind() == kind)).sum()
}
