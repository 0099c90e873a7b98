-- What became of an alarm's signal. An episode that was only suppressed was never raised: it counts apart.
ALTER TABLE alarm
    ADD COLUMN raised boolean NOT NULL DEFAULT true,
    ADD COLUMN suppressed boolean NOT NULL DEFAULT false,
    ADD COLUMN re_alarms int NOT NULL DEFAULT 0,    -- it sounded again: still there, or there again
    ADD COLUMN escalations int NOT NULL DEFAULT 0,  -- nobody had acknowledged it for a step of its ladder
    ADD COLUMN sounded_us bigint,                   -- processing time of its start; null = not known
    ADD COLUMN acknowledged_us bigint;              -- processing time of the first acknowledgement
