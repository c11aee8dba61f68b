//! What has a marker trait, and what has none.

/// Compiles only if no type has `Send` or `Sync`: else the call is ambiguous.
#[macro_export]
macro_rules! neither_send_nor_sync {
    ($($type:ty),* $(,)?) => { $({
        trait Ambiguous<Of> { fn call() {} }
        impl<T: ?Sized> Ambiguous<()> for T {}
        struct IsSend;
        impl<T: ?Sized + Send> Ambiguous<IsSend> for T {}
        struct IsSync;
        impl<T: ?Sized + Sync> Ambiguous<IsSync> for T {}
        <$type as Ambiguous<_>>::call();
    })* };
}
