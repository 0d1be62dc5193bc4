//! The reader on a template of its own, and on the one that is deployed.

use super::{count, entries};
use crate::deploy::TEMPLATE;

const SMALL: &str = r#"
Parameters:
  Memory:
    Type: Number
    Default: 256 # MB
Resources:
  # ---- a comment: with a colon
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      KeySchema:
        - { AttributeName: pk, KeyType: HASH }
      Type: nested
  ActMayText:
    Type: "AWS::IAM::RolePolicy"
    Condition: HasTextMessages
Outputs:
  Url:
    Value: x
"#;

#[test]
fn resources_have_a_name_a_type_and_perhaps_a_condition() {
    let read: Vec<_> =
        entries(SMALL, "Resources").iter().map(|entry| (entry.name, entry.kind(), entry.member("Condition"))).collect();
    assert_eq!(
        read,
        [("Table", "AWS::DynamoDB::Table", None), ("ActMayText", "AWS::IAM::RolePolicy", Some("HasTextMessages"))]
    );
    let parameters = entries(SMALL, "Parameters");
    assert_eq!(parameters.iter().map(|entry| entry.member("Default")).collect::<Vec<_>>(), [Some("256")]);
}

#[test]
fn nothing_of_the_deployed_template_is_overlooked() {
    let resources = entries(TEMPLATE, "Resources");
    let written = TEMPLATE.lines().filter(|line| line.trim_start().starts_with("Type: AWS::")).count();
    let parameters = entries(TEMPLATE, "Parameters");
    let of_parameters = parameters.iter().filter(|parameter| parameter.kind().starts_with("AWS::")).count();
    assert_eq!(resources.len(), written - of_parameters);
    for resource in &resources {
        assert!(resource.kind().starts_with("AWS::"), "{} has no type", resource.name);
    }
    assert_eq!(count(&resources, "AWS::DynamoDB::Table"), 1);
    assert_eq!(count(&resources, "AWS::Lambda::Function"), 3);
}
