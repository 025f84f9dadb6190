//! What P4Info says of the program as a whole.

use p4runtime_proto::p4::config::v1 as pb;

use super::{Generator, annotations};
use crate::hir::AnnotationValue;

/// The name of the architecture.
const ARCHITECTURE: &str = "v1model";

impl Generator<'_> {
    /// `@pkginfo`, `@platform_property` and other annotations of the package.
    pub(super) fn package(&self) -> pb::PkgInfo {
        let own = &self.program.main.annotations;
        let mut package = pb::PkgInfo {
            arch: ARCHITECTURE.to_owned(),
            ..Default::default()
        };
        for (key, value) in annotations::pairs(own, "pkginfo") {
            let AnnotationValue::String(text) = value else {
                continue;
            };
            match key.as_str() {
                "name" => package.name = text,
                "version" => package.version = text,
                "organization" => package.organization = text,
                "contact" => package.contact = text,
                "url" => package.url = text,
                "arch" => package.arch = text,
                _ => {}
            }
        }
        let properties = annotations::pairs(own, "platform_property");
        if own.has("platform_property") {
            let mut platform = pb::PlatformProperties::default();
            for (key, value) in properties {
                let AnnotationValue::Integer(number) = value else {
                    continue;
                };
                let number = i32::try_from(&number).unwrap_or(i32::MAX);
                match key.as_str() {
                    "multicast_group_table_size" => platform.multicast_group_table_size = number,
                    "multicast_group_table_total_replicas" => {
                        platform.multicast_group_table_total_replicas = number;
                    }
                    "multicast_group_table_max_replicas_per_entry" => {
                        platform.multicast_group_table_max_replicas_per_entry = number;
                    }
                    _ => {}
                }
            }
            package.platform_properties = Some(platform);
        }
        package.annotations = annotations::unstructured(own, &["pkginfo", "platform_property"]);
        package.structured_annotations = annotations::structured(own);
        package.doc = annotations::documentation(own);
        package
    }
}
