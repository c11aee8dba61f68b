//! Properties: what the machine does when an inline cache does not know the answer.

use gc_core::{Gc, Mutator};

use super::fault::Fault;
use crate::class::{Class, ClassIds, Instance};
use crate::function::{Closure, Site};
use crate::value::{BoundMethod, Value};

/// What a call of a property leads to.
pub(super) enum Callee<'gc> {
    Method(Gc<'gc, Closure<'gc>>),
    /// A field with something to call, or not to.
    Field(Value<'gc>),
}

/// The value of a field, which the site learns, or a method bound to the instance.
#[cold]
#[inline(never)]
pub(super) fn read<'gc>(m: &'gc Mutator, instance: Gc<'gc, Instance<'gc>>, site: &Site) -> Result<Value<'gc>, Fault> {
    let class = instance.class;
    if let Some(index) = class.find_field(m, site.name) {
        let value = instance.field(m, index);
        if !value.is_absent() {
            site.remember(class.id(), index);
            return Ok(value);
        }
    }
    // Not through the site, which may know the index of a field that this instance lacks.
    match class.find_method(m, site.name).and_then(|index| class.method(index)) {
        Some(method) => Ok(bind(m, instance, method)),
        None => Err(Fault::UndefinedProperty(site.name)),
    }
}

pub(super) fn bind<'gc>(
    m: &'gc Mutator,
    receiver: Gc<'gc, Instance<'gc>>,
    method: Gc<'gc, Closure<'gc>>,
) -> Value<'gc> {
    Value::Method(m.alloc(BoundMethod { receiver, method }))
}

/// Assigns to a field, whose index the site learns.
#[cold]
#[inline(never)]
pub(super) fn write<'gc>(
    m: &'gc Mutator,
    instance: Gc<'gc, Instance<'gc>>,
    site: &Site,
    value: Value<'gc>,
    ids: &mut ClassIds,
) {
    let class = instance.class;
    let index = class.field_index(m, site.name, ids);
    site.remember(class.id(), index);
    instance.put_field(m, index, value);
}

/// What `instance.name()` calls: a field before a method. The site learns the method if no instance of the class has
/// such a field, which stays so as long as the class keeps its id (K2 of `class`).
#[cold]
#[inline(never)]
pub(super) fn callee<'gc>(
    m: &'gc Mutator,
    instance: Gc<'gc, Instance<'gc>>,
    site: &Site,
) -> Result<Callee<'gc>, Fault> {
    let class = instance.class;
    let Some(index) = class.find_field(m, site.name) else {
        return find_method(m, class, site).map(Callee::Method);
    };
    match instance.field(m, index) {
        Value::Absent => match class.find_method(m, site.name).and_then(|index| class.method(index)) {
            Some(method) => Ok(Callee::Method(method)),
            None => Err(Fault::UndefinedProperty(site.name)),
        },
        value => Ok(Callee::Field(value)),
    }
}

/// A method of `class`, whose index the site learns. For sites that look up nothing but methods.
#[inline]
pub(super) fn find_method<'gc>(
    m: &'gc Mutator,
    class: Gc<'gc, Class<'gc>>,
    site: &Site,
) -> Result<Gc<'gc, Closure<'gc>>, Fault> {
    let index = match site.cached(class.id()) {
        Some(index) => Some(index),
        None => class.find_method(m, site.name),
    };
    let Some((index, method)) = index.and_then(|index| Some((index, class.method(index)?))) else {
        return Err(Fault::UndefinedProperty(site.name));
    };
    site.remember(class.id(), index);
    Ok(method)
}
