//! Reflection, in both versions of its protocol, of the services that are mounted and no others.

use tonic_reflection::server::{Builder, Error};

use crate::Server;

/// Adds `grpc.reflection.v1` and, for older tools, `grpc.reflection.v1alpha`.
pub(crate) fn add(server: Server, descriptors: &[&'static [u8]], services: &[String]) -> Result<Server, Error> {
    let builder = || {
        let mut builder = Builder::configure();
        for set in descriptors {
            builder = builder.register_encoded_file_descriptor_set(set);
        }
        for name in services {
            builder = builder.with_service_name(name);
        }
        builder.with_service_name("grpc.reflection.v1.ServerReflection")
    };
    Ok(server
        .descriptors(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
        .descriptors(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET)
        .service(builder().build_v1()?)
        .service(builder().build_v1alpha()?))
}
