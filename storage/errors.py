"""What the store refuses, named for the caller's mistake."""


class StorageError(Exception):
    """Anything the store refuses; the message may be shown to an operator."""


class SettingsError(Exception):
    """A wrong or missing setting, in one sentence that names the variable."""


class NotFound(StorageError):
    """No such record for this principal: unknown, expired or foreign look alike."""


class Unreadable(NotFound):
    """A sealed value that none of our keys opens, or that was moved or changed: for whoever asks, it is not there."""


class StaleAttempt(StorageError):
    """The writer's attempt no longer holds the lease, or the task has ended."""


class TooMany(StorageError):
    """A limit is reached; the message says which."""
