//! The served documents: OpenAPI for REST, AsyncAPI for the socket. Both are generated from what the code accepts.

use std::sync::OnceLock;

use utoipa::openapi::{OpenApi, Ref, RefOr, Schema};

use crate::codes;
use crate::routes::api;

/// The served documents, as formatted JSON.
#[derive(Debug, Clone, Copy)]
pub struct Documents {
    /// OpenAPI 3.1.
    pub openapi: &'static str,
    /// AsyncAPI 3.0.
    pub asyncapi: &'static str,
}

/// Generates both documents, once for each process.
pub fn documents() -> Documents {
    static OPENAPI: OnceLock<String> = OnceLock::new();
    static ASYNCAPI: OnceLock<String> = OnceLock::new();
    Documents {
        openapi: OPENAPI.get_or_init(|| {
            let mut document = api().into_openapi();
            codes::document(&mut document);
            name_variants(&mut document);
            pretty(&document)
        }),
        asyncapi: ASYNCAPI.get_or_init(|| pretty(&crate::asyncapi::document())),
    }
}

/// Gives each inline variant of a `oneOf` that refers to another schema a name of its own: generators of clients cannot read
/// an `allOf` that stands inside a `oneOf`.
fn name_variants(document: &mut OpenApi) {
    let Some(components) = document.components.as_mut() else { return };
    let mut named = Vec::new();
    for (name, schema) in &mut components.schemas {
        let RefOr::T(Schema::OneOf(choices)) = schema else { continue };
        for (index, choice) in choices.items.iter_mut().enumerate() {
            if matches!(choice, RefOr::T(Schema::AllOf(_))) {
                let variant = format!("{name}Kind{}", index + 1);
                let inline = std::mem::replace(choice, RefOr::Ref(Ref::from_schema_name(&variant)));
                named.push((variant, inline));
            }
        }
    }
    components.schemas.extend(named);
}

/// With a line break at the end, as files have.
fn pretty(document: &impl serde::Serialize) -> String {
    // Documents hold only strings, numbers and maps with string keys.
    let mut text = serde_json::to_string_pretty(document).unwrap_or_default();
    text.push('\n');
    text
}
