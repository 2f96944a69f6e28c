"""Why something is as it is: the machine-readable word beside every sentence for people.

Why: alerts, `knect stuck --by reason`, conditions and the ledger must use one vocabulary, and a
reason from an enumeration cannot carry a secret. A reason is a state, never a verb.
Must not: be renamed (people's alerts name them), or grow a reason nobody can act upon differently.
"""

from enum import StrEnum

__all__ = ["ConditionReason", "ConditionType", "Reason"]


class Reason(StrEnum):
    """Why a transaction has its fate, or is not further than it is."""

    # admit rules and modes
    ADMIT_SKIP = "AdmitSkip"
    ADMIT_WAIT = "AdmitWait"
    ADMIT_REJECT = "AdmitReject"
    OBSERVE_MODE = "ObserveMode"
    MISSING_AT_DESTINATION = "MissingAtDestination"
    SUSPENDED = "Suspended"
    SKIPPED_BY_PERSON = "SkippedByPerson"
    BEFORE_START = "BeforeStart"
    TEST_ORDER = "TestOrder"
    CANCELLED_BEFORE_DELIVERY = "CancelledBeforeDelivery"
    NEEDS_APPROVAL = "NeedsApproval"
    NOT_TRACKED = "NotTracked"
    NOT_YET_VALID = "NotYetValid"
    EXPIRED = "Expired"
    # versions
    NEWER_VERSION = "NewerVersion"
    SAME_CONTENT = "SameContent"
    OWN_WRITE = "OwnWrite"
    SOURCE_GONE = "SourceGone"
    NOT_AT_DESTINATION = "NotAtDestination"
    # the record's own content
    BAD_RECORD = "BadRecord"
    INVARIANT_BROKEN = "InvariantBroken"
    TOTALS_MISMATCH = "TotalsMismatch"
    BAD_AMOUNT = "BadAmount"
    BAD_QUANTITY = "BadQuantity"
    UNKNOWN_CURRENCY = "UnknownCurrency"
    EDIT_DOES_NOT_FIT = "EditDoesNotFit"
    MAPPING_ERROR = "MappingError"
    UNMAPPED = "Unmapped"
    PAYLOAD_TOO_LARGE = "PayloadTooLarge"
    # what it names at the destination
    MISSING_REFERENCE = "MissingReference"
    UNKNOWN_SKU = "UnknownSku"
    UNKNOWN_CUSTOMER = "UnknownCustomer"
    PARENT_NOT_DELIVERED = "ParentNotDelivered"
    KEY_BUSY = "KeyBusy"
    AMBIGUOUS_MATCH = "AmbiguousMatch"
    LINE_CANCELLED = "LineCancelled"
    ORDER_CANCELLED = "OrderCancelled"
    OVER_SHIPMENT = "OverShipment"
    UNKNOWN_LINE = "UnknownLine"
    # what a catalog says at the destination
    BUNDLE_ITEM = "BundleItem"
    CURRENCY_NOT_SOLD = "CurrencyNotSold"
    DUPLICATE_SKU = "DuplicateSku"
    NOT_STOCKED = "NotStocked"
    TOO_MANY_DECIMALS = "TooManyDecimals"
    TOO_MANY_VARIANTS = "TooManyVariants"
    # the destination's answer
    DESTINATION_REFUSED = "DestinationRefused"
    OUTCOME_UNKNOWN = "OutcomeUnknown"
    CHANGED_AT_DESTINATION = "ChangedAtDestination"
    # the way there
    THROTTLED = "Throttled"
    UNREACHABLE = "Unreachable"
    UNEXPECTED_ANSWER = "UnexpectedAnswer"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    INTERRUPTED = "Interrupted"
    STALLED = "Stalled"
    # what only a person can repair
    CREDENTIALS_REJECTED = "CredentialsRejected"
    SCOPE_MISSING = "ScopeMissing"
    FATAL = "Fatal"
    INTERNAL_ERROR = "InternalError"


class ConditionType(StrEnum):
    """Types of conditions. The negative ones exist only while true."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"
    # Connection
    CREDENTIALS_VALID = "CredentialsValid"
    REACHABLE = "Reachable"
    WEBHOOKS_ACTIVE = "WebhooksActive"
    RECEIVER_AVAILABLE = "ReceiverAvailable"
    # both
    CONFIG_VALID = "ConfigValid"
    # SyncPipeline
    CONNECTIONS_READY = "ConnectionsReady"
    WORKER_AVAILABLE = "WorkerAvailable"
    FLOWING = "Flowing"
    FRESH = "Fresh"
    TRANSACTIONS_STUCK = "TransactionsStuck"
    JOB_FAILED = "JobFailed"
    RECONCILE_DISABLED = "ReconcileDisabled"


class ConditionReason(StrEnum):
    """Why a condition of a Connection or SyncPipeline has its status."""

    SUCCEEDED = "Succeeded"
    PROGRESSING = "Progressing"
    SUSPENDED = "Suspended"
    HANDS_OFF = "HandsOff"
    BEING_DELETED = "BeingDeleted"
    NOT_CHECKED = "NotChecked"
    #: A newer worker's word; its message says what it means.
    OTHER = "Other"
    # documents
    INVALID_SPEC = "InvalidSpec"
    UNKNOWN_CONNECTOR = "UnknownConnector"
    CONFIG_INVALID = "ConfigInvalid"
    EXPRESSION_INVALID = "ExpressionInvalid"
    ENTITY_NOT_SUPPORTED = "EntityNotSupported"
    FIELD_OWNED_ELSEWHERE = "FieldOwnedElsewhere"
    CONNECTION_NOT_FOUND = "ConnectionNotFound"
    CONNECTION_NOT_READY = "ConnectionNotReady"
    CONFIG_MAP_NOT_FOUND = "ConfigMapNotFound"
    TABLE_INVALID = "TableInvalid"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason, not a secret
    SECRET_KEY_MISSING = "SecretKeyMissing"  # noqa: S105 - a reason, not a secret
    LEDGER_SECRET_NOT_FOUND = "LedgerSecretNotFound"  # noqa: S105 - a reason, not a secret
    # the remote
    CREDENTIALS_REJECTED = "CredentialsRejected"
    SCOPE_MISSING = "ScopeMissing"
    UNREACHABLE = "Unreachable"
    API_VERSION_GONE = "ApiVersionGone"
    SUBSCRIPTION_LOST = "SubscriptionLost"
    # the worker
    WORKER_NOT_READY = "WorkerNotReady"
    WORKER_CRASHING = "WorkerCrashing"
    WORKER_SILENT = "WorkerSilent"
    WORKER_OUT_OF_MEMORY = "WorkerOutOfMemory"
    POD_NOT_GONE = "PodNotGone"
    PAUSED = "Paused"
    CONTESTED = "Contested"
    IMAGE_NOT_PULLED = "ImageNotPulled"
    NOT_SCHEDULED = "NotScheduled"
    QUOTA_EXCEEDED = "QuotaExceeded"
    NOT_ALLOWED = "NotAllowed"
    LEDGER_UNAVAILABLE = "LedgerUnavailable"
    # the flow
    STALLED = "Stalled"
    READING_STOPPED = "ReadingStopped"
    STUCK_BEYOND_LIMIT = "StuckBeyondLimit"
    STALE = "Stale"
    SILENT = "Silent"
    TRANSACTIONS_WAITING = "TransactionsWaiting"
    # what was asked for
    JOB_FAILED = "JobFailed"
