-- Live values counted in the bins of the model's training reference. Merged in the transaction of the roll-ups, so
-- that what is read again after a crash is not counted again. A row is a few numbers a ward, hour and column.
CREATE TABLE drift_hour (
    ward_id int NOT NULL,
    hour bigint NOT NULL,         -- of event time, from the Unix epoch
    field text NOT NULL,          -- a vital sign, risk or anomaly
    reference text NOT NULL,      -- the model version whose bins these are
    counts bigint[] NOT NULL,     -- per bin; the last is what has no value
    PRIMARY KEY (hour, ward_id, field, reference)
) WITH (fillfactor = 70);
