//! Which optional fields of the built-in kinds keep an empty value.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

type Table = HashMap<String, BTreeSet<String>>;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("pointers.yaml")).expect("the embedded table is valid; a test reads it")
});

static STRUCTS: LazyLock<Table> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("structs.yaml")).expect("the embedded table is valid; a test reads it")
});

/// Whether the server keeps 0, false, `""` or `{}` in this field of a built-in type (`core.v1.PodSpec`).
pub(super) fn keeps_zero(name: &str, field: &str) -> bool {
    [&TABLE, &STRUCTS].iter().any(|table| table.get(name).is_some_and(|fields| fields.contains(field)))
}

#[cfg(test)]
mod tests {
    use super::{STRUCTS, TABLE, keeps_zero};
    use crate::schema::Schema;

    /// Of Kubernetes 1.37; the built-in copy is of 1.36.
    const OF_OTHERS: &[&str] = &[
        "certificates.v1.PodCertificateRequestSpec.maxExpirationSeconds",
        "core.v1.ClusterTrustBundleProjection.user",
        "core.v1.ConfigMapVolumeSource.defaultUser",
        "core.v1.DownwardAPIVolumeFile.user",
        "core.v1.DownwardAPIVolumeSource.defaultUser",
        "core.v1.EmptyDirVolumeSource.mode",
        "core.v1.EvictionResponder.priority",
        "core.v1.GRPCAction.mode",
        "core.v1.HTTPGetAction.protocol",
        "core.v1.KeyToPath.user",
        "core.v1.PodCertificateProjection.user",
        "core.v1.ProjectedVolumeSource.defaultUser",
        "core.v1.SecretVolumeSource.defaultUser",
        "core.v1.ServiceAccountTokenProjection.user",
        "resource.v1.DeviceTaintSelector.device",
        "resource.v1.DeviceTaintSelector.driver",
        "resource.v1.DeviceTaintSelector.pool",
        "resource.v1.NodeAllocatableMapping.capacityKey",
        "resource.v1.NodeAllocatableMapping.capacityMultiplier",
        "resource.v1.NodeAllocatableMapping.deviceMultiplier",
        "resource.v1.NodeAllocatableOverhead.perContainer",
        "resource.v1.NodeAllocatableOverhead.perPod",
        "resource.v1.ResourceSliceSpec.partitionTypeAttribute",
    ];

    #[test]
    fn the_table_names_fields_that_exist() {
        let schema = Schema::built_in();
        let mut others = Vec::new();
        // The copy has what a server serves by itself.
        let stable = TABLE.iter().filter(|(name, _)| !name.contains("alpha") && !name.contains("beta"));
        for (name, fields) in stable {
            let known = schema.type_of(name).map(|known| &known.properties);
            let unknown = fields.iter().filter(|field| known.is_none_or(|known| !known.contains_key(*field)));
            others.extend(unknown.map(|field| format!("{name}.{field}")));
        }
        others.sort();
        assert_eq!(others, OF_OTHERS);
        for (name, fields) in &*STRUCTS {
            let known = schema.type_of(name).unwrap_or_else(|| panic!("{name}"));
            for field in fields {
                assert!(known.properties.contains_key(field), "{name}.{field}");
            }
        }
        assert!(keeps_zero("core.v1.SecurityContext", "allowPrivilegeEscalation"));
        assert!(!keeps_zero("core.v1.PodSpec", "hostNetwork"));
    }
}
