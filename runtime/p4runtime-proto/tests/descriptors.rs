//! Our descriptors are those that PyPI's `p4runtime` package registers (tests/data/README.md).

use std::{collections::BTreeMap, process::Command};

use prost::Message;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    MethodDescriptorProto,
};

const PYPI: &[u8] = include_bytes!("data/p4runtime-1.6.0.fds");

fn files(bytes: &[u8]) -> BTreeMap<String, FileDescriptorProto> {
    let set = FileDescriptorSet::decode(bytes).unwrap();
    set.file
        .into_iter()
        .map(|file| (file.name().to_owned(), file))
        .collect()
}

/// One line for each thing of a file that the wire, JSON or generated code depends on, so that a
/// difference is told by name.
fn facts(file: &FileDescriptorProto) -> Vec<String> {
    let mut facts = vec![format!(
        "package {} syntax {} imports {:?}",
        file.package(),
        file.syntax(),
        file.dependency
    )];
    for message in &file.message_type {
        message_facts(&mut facts, file.package(), message);
    }
    for enumeration in &file.enum_type {
        enum_facts(&mut facts, file.package(), enumeration);
    }
    for service in &file.service {
        for MethodDescriptorProto {
            name,
            input_type,
            output_type,
            client_streaming,
            server_streaming,
            ..
        } in &service.method
        {
            facts.push(format!(
                "rpc {}.{name:?} {input_type:?} {output_type:?} streams {} {}",
                service.name(),
                client_streaming.unwrap_or(false),
                server_streaming.unwrap_or(false)
            ));
        }
    }
    facts
}

fn message_facts(facts: &mut Vec<String>, scope: &str, message: &DescriptorProto) {
    let name = format!("{scope}.{}", message.name());
    let map_entry = message.options.as_ref().is_some_and(|o| o.map_entry());
    facts.push(format!(
        "message {name} map_entry {map_entry} reserved {:?} {:?}",
        message.reserved_range, message.reserved_name
    ));
    for field in &message.field {
        let oneof = field
            .oneof_index
            .map(|index| message.oneof_decl[index as usize].name().to_owned());
        facts.push(format!(
            "field {name}.{} = {} {:?} {:?} of {:?} in oneof {oneof:?} json {} deprecated {}",
            field.name(),
            field.number(),
            field.label(),
            field.r#type(),
            field.type_name,
            // protoc leaves the default out of embedded descriptors.
            field
                .json_name
                .clone()
                .unwrap_or_else(|| lower_camel(field.name())),
            field.options.as_ref().is_some_and(|o| o.deprecated()),
        ));
    }
    for nested in &message.nested_type {
        message_facts(facts, &name, nested);
    }
    for enumeration in &message.enum_type {
        enum_facts(facts, &name, enumeration);
    }
}

fn enum_facts(facts: &mut Vec<String>, scope: &str, enumeration: &EnumDescriptorProto) {
    for value in &enumeration.value {
        facts.push(format!(
            "enum {scope}.{}.{} = {} reserved {:?}",
            enumeration.name(),
            value.name(),
            value.number(),
            enumeration.reserved_range,
        ));
    }
}

/// The default JSON name of a field.
fn lower_camel(name: &str) -> String {
    let mut camel = String::new();
    let mut upper = false;
    for letter in name.chars() {
        match letter {
            '_' => upper = true,
            _ if upper => {
                camel.push(letter.to_ascii_uppercase());
                upper = false;
            }
            _ => camel.push(letter),
        }
    }
    camel
}

fn assert_same(theirs: &[u8], origin: &str) {
    let (ours, theirs) = (files(p4runtime_proto::FILE_DESCRIPTOR_SET), files(theirs));
    let (names, their_names): (Vec<_>, Vec<_>) = (ours.keys().collect(), theirs.keys().collect());
    assert_eq!(names, their_names, "files of {origin}");
    for (name, file) in &ours {
        let (mut ours, mut theirs) = (facts(file), facts(&theirs[name]));
        ours.sort();
        theirs.sort();
        let missing: Vec<_> = theirs.iter().filter(|fact| !ours.contains(fact)).collect();
        let extra: Vec<_> = ours.iter().filter(|fact| !theirs.contains(fact)).collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "{name} differs from {origin}:\nonly there: {missing:#?}\nonly here: {extra:#?}"
        );
    }
}

#[test]
fn the_descriptors_are_those_of_the_python_package() {
    assert_same(PYPI, "p4runtime 1.6.0");
    let count: usize = files(PYPI).values().map(|file| facts(file).len()).sum();
    assert!(count > 500, "the comparison saw only {count} facts");
}

/// Where a Python with the package is at hand, compares with it live.
#[test]
fn the_descriptors_are_those_of_an_installed_python_package() {
    let script = "\
import sys
from google.protobuf import descriptor_pb2
from google.rpc import code_pb2
from p4.v1 import p4runtime_pb2
seen, out = set(), descriptor_pb2.FileDescriptorSet()
def add(file):
    if file.name in seen: return
    seen.add(file.name)
    for dependency in file.dependencies: add(dependency)
    file.CopyToProto(out.file.add())
add(p4runtime_pb2.DESCRIPTOR)
add(code_pb2.DESCRIPTOR)
sys.stdout.buffer.write(out.SerializeToString())
";
    let output = Command::new("python3").args(["-c", script]).output();
    match output {
        Ok(output) if output.status.success() => {
            assert_same(&output.stdout, "the installed Python package p4runtime");
        }
        _ => println!("python3 with the package p4runtime is not installed: nothing to compare"),
    }
}
