/* work_int: the inside of work, for lib/app/work*.c only. */
#ifndef APP_WORK_INT_H
#define APP_WORK_INT_H

#include "app/session.h"
#include "app/work.h"
#include "app/work_chunk.h"
#include "base/heap.h"
#include "base/map.h"
#include "batch/agenda.h"
#include "batch/checkpoint.h"
#include "batch/manifest.h"
#include "batch/parts.h"
#include "batch/rate.h"
#include "batch/seqlast.h"
#include "batch/stray.h"
#include "kafka/kends.h"
#include "kafka/kfind.h"
#include "kafka/kmember.h"
#include "kafka/kparts.h"
#include "kafka/kproduce.h"
#include "kafka/kready.h"
#include "tool/capture.h"
#include "tool/child.h"
#include "tool/joblog.h"
#include "tool/loop.h"
#include "tool/metrics.h"
#include "tool/notify.h"
#include "tool/variables.h"

/* A batch that is ready, until it is finished; or a plain topic. */
struct job {
	char *id;                /* owned; of a topic "" */
	struct variables variables; /* of it, for the environment; none: not made yet */
	struct buf metadata;     /* as JSON; with those */
	int64_t created_ms, ready_ms, priority, threshold;
	int64_t expected;        /* records; -1: not said */
	bool early;              /* it is still being sent */
	bool by_id;              /* its records are those that name it, whatever a manifest says */
	bool listed;             /* a manifest says where and how many they are */
	char *broken;            /* owned: why its manifest makes no sense; NULL: it does */
	struct parts parts;      /* what workers wrote of them */
	struct piece *mine;      /* those in our shares */
	int64_t finish_ms;       /* when to write its end, monotonic; INT64_MAX: not yet */
	size_t finish_at;        /* its place among those whose end is near */
	bool ending;             /* it was written, and not seen yet */
};

/* What a strand of a run gave out, kept until the trial has ended. */
struct output {
	int64_t run;
	size_t first, end;
	struct capture text;
};

/* What an acknowledgement is for. */
struct parcel {
	struct chunk *chunk;     /* a result or an invalid record of it */
	struct piece *piece;     /* or the event that it is done; NULL: it is not ours any more */
	struct event_out event;  /* or any other event */
};

/* One of the children that do a run beside each other: its share of the records, in their order. */
struct strand {
	struct child child;
	const struct work_records *records;
	size_t first, end;
	struct str input;
	int slot;     /* -1: it has ended */
	int metadata; /* the file that it can read them from; -1: none */
	char *token;  /* owned */
};

enum chunk_state {
	CHUNK_FILLING,
	CHUNK_READY,      /* to begin */
	CHUNK_INTENDED,   /* waits until its next run is written down */
	CHUNK_RUNNING,
	CHUNK_WAITING,    /* for its back-off, or for contrast */
	CHUNK_DELIVERING, /* for acknowledgements */
	CHUNK_KILLED,     /* by us: it is the end, or to be given up */
};

struct chunk {
	struct chunk *next;
	size_t lane;        /* in which its records keep their order */
	struct piece *piece; /* NULL: it was taken away, and only its children are waited for */
	struct work_records records;
	bool full;         /* as many as were asked for */
	bool unfit;        /* the command cannot be given its records, which are invalid without a run */
	int64_t began_ms;  /* when the first record came */
	enum chunk_state state;
	struct trial trial;
	struct trial_run run;
	int64_t until_ms;  /* when it waits */
	int64_t intent;    /* the commit that writes it down */
	int64_t deaths;    /* of workers, while a run of just these records was written down */
	bool begun;        /* such a run was, here or by a worker before: they stay together */
	bool resumed;      /* by a worker before */
	int64_t last;      /* resumed: the last offset of that one */
	bool probes;       /* the breaker waits for it */
	struct strand *strands; /* owned: of the run */
	size_t strand_count;
	struct output *outputs;
	size_t output_count, output_cap;
	struct parcel parcel;
	bool sent;         /* what came out, and is being acknowledged */
	bool held;         /* it was not: there was no room for what is done */
	int64_t held_at;   /* as many had been delivered in its partition */
	int64_t pending;   /* records not acknowledged */
	char **kept;       /* owned: values that the producer reads until they are acknowledged */
	size_t kept_count, kept_cap;
};

/* A part: the records of one batch in one of our partitions. Many wait: what it takes to read one is made when it
 * is read. */
struct piece {
	struct piece *next_of_job;
	struct agenda_item item;
	struct job *job;
	struct share *share;
	struct seqlast seen;     /* of each sender of the batch the number that came last here */
	bool prepared;           /* to be read */
	int64_t first, end;      /* offsets; -1: not known yet; INT64_MAX: it is still being sent */
	int64_t came_ms;         /* when the last record came */
	bool idle;               /* there is nothing to do for it now */
	int64_t at;              /* the offset to read on from */
	int64_t number;          /* of the next record that is read */
	struct doneset done;
	int64_t expected;        /* records; 0: not known */
	struct rate rate;        /* at which they are done */
	char *error;             /* owned: of the last run that failed; NULL: none did */
	struct chunk **filling;  /* owned: of each lane, NULL: none; not before it is prepared */
	size_t lane_count, lane_turn;
	struct checkpoint_intent *intents; /* owned: what a worker before us began */
	size_t intent_count;
	bool open;               /* it was begun, here or before */
	bool read;               /* all of it */
	size_t chunks;           /* begun and not ended */
	struct parcel *parcel;   /* its event is under way; NULL: not yet, or it is in the log */
};

/* How far records beside those of batches were looked at. */
struct sweep {
	struct piece *piece; /* whose numbers are offsets; NULL: there is no sweep */
	bool begun;          /* it is known from where on */
	int64_t first;       /* of batches that were ready before that; -1: there were none */
	int64_t known;       /* where the last range of a batch ends */
	int64_t end;         /* of the log, at a look; -1: there was none */
	int64_t limit;       /* so far it may go */
	int64_t told;        /* how far it was by the last commit; -1: there was none */
	struct kpart *lane;  /* NULL: none was opened yet */
	int64_t gap_end;     /* so far the lane reads */
	struct buf reasons;  /* of the records of the chunk that is filled, each ended by NUL */
};

/* A partition that is ours. */
struct share {
	const char *topic;
	struct lane *lane_of; /* of a plain topic its lane; NULL: a stream's */
	int32_t partition;
	struct checkpoint before; /* what was committed when we got it */
	int64_t committed, pending; /* offsets: by the last answer, and of the commit under way */
	int64_t reached;          /* the end of the parts that are done */
	struct agenda agenda;     /* of its parts that are not all read */
	struct piece *open[CHECKPOINT_PARTS]; /* those that were begun */
	size_t open_count;
	struct kpart *lane;       /* NULL: none was opened yet */
	struct piece *reading;    /* which part the lane is at */
	size_t *busy;             /* owned: chunks under way in each lane, and of the sweep */
	struct sweep sweep;
	bool dirty;               /* there is something to commit */
	int64_t delivered;        /* chunks, and parts that have ended */
};

/* What all sweeps have in common. */
struct strays {
	struct kparts *reader; /* these two NULL: not needed yet */
	struct kfind *find;
	struct map known;      /* id -> struct stray_batch */
	struct buf kept;       /* documents of what was completed before anything was ours, ended by NUL */
	bool looked;           /* since our partitions changed */
	int64_t looked_ms, ends_ms; /* at the last time, and when ends were noted */
	bool asked;            /* a batch was looked up, which takes a moment */
	size_t turn;           /* which partition comes first */
	int64_t read, count[STRAY_KINDS];
};

struct work {
	struct tool_ctx *t;
	const struct work_options *o;
	const char *stream;
	char *topic; /* owned: STREAM.in */
	char writer[SESSION_TOKEN], worker[128];

	struct loop loop;
	struct kmember *member;
	struct kparts *reader;
	struct kends edges;       /* of the data topic; topic NULL: not needed yet */
	int32_t partitions;       /* of the topic; 0: not asked for yet */
	int64_t *ends;            /* owned: where its logs ended when they were asked; NULL: not yet */
	size_t end_count;
	struct kready *ready;
	struct kproduce *events;
	int32_t event_partitions;
	struct kproduce *results; /* NULL: there are none, and no invalid records either */
	size_t out_at, dead_at;   /* its topics */
	int32_t out_partitions, dead_partitions;

	uint64_t seed; /* of maps */
	struct map jobs;
	struct heap finishing; /* those whose end is near, the first one first */
	size_t ending;         /* of how many it is written and not seen yet */
	size_t pieces, idle;   /* of all jobs, and how many of them have nothing to do */
	struct job plain;     /* of plain topics: all that is not a batch's */
	struct share *shares; /* owned */
	size_t share_count;
	bool assigned;
	size_t lanes;         /* of each partition */
	struct chunk *chunks; /* begun, in the order of their beginning */
	int64_t running;      /* children */
	double run_ms, commit_ms; /* how long they took of late, each; and a commit */
	int64_t ahead;        /* so many runs are written down for each slot, and in each lane */
	bool slot_taken[SLOTS_MOST];

	struct pace pace;
	struct slots slots;
	struct breaker breaker;
	struct quota quota;
	double pressure;
	int64_t looked_ms, reported_ms;
	int64_t ran_ms;       /* all commands together, since the machine was looked at */

	int64_t commits, committed; /* begun; the last that was answered well */
	int64_t sure;               /* the commit whose answer says that we are in the group still */
	int64_t commit_began_ms;
	int64_t commit_after_ms;    /* none before: the last one failed */
	int64_t commits_fail_ms;    /* since then all do; INT64_MAX: they do not */
	bool committing;
	bool commits_over;          /* they failed for too long, as the error says */
	bool undelivered;           /* a producer gave up on what came out of a chunk */
	bool unsaid;                /* and on an event */
	struct buf lost;            /* what that was made of, for a message */
	struct trial_rules rules;
	uint32_t command;           /* its hash */
	size_t turn;                /* whose partition's chunk comes first */
	bool again;                 /* a round without sleep */
	int64_t drain_ms;           /* when to end what runs still; INT64_MAX: nothing ends */
	bool stopping, revoking;
	bool leaving; /* this commit is the last one: what runs is ended, and does not end us */
	struct work_records control; /* a record that passed: what fails while it passes, fails by itself */
	struct joblog joblog;
	struct metrics metrics;
	struct notify notify;
	bool unwritten;                /* the last metrics, as was said */
	int64_t shown_ms, watched_ms; /* when both were served */
	int64_t rebalances, discarded; /* of checkpoints */
	struct strays stray;
	struct buf scratch;
	struct tally tally;
	int64_t passed; /* finished batches that were not for workers */
	struct map elsewhere; /* open batches with records in another topic, see work_elsewhere.c */
	size_t untold;        /* so many of them */
	int64_t foreign;      /* of how many it was told */
	int64_t now_ms; /* monotonic, of this round */
};

/* work.c */
void work_wait(struct work *w); /* for the next round of the loop */

/* work_metrics.c: nothing without --metrics, but for the first and the last */
enum work_outcome { WORK_OK, WORK_RETRIED, WORK_ISOLATED, WORK_FAILED, WORK_KILLED, WORK_ABORTED };
int work_metrics_open(struct work *w);
void work_metrics_run(struct work *w, const struct chunk *c); /* its children have ended */
void work_metrics_chunk(struct work *w, struct chunk *c, enum work_outcome outcome);
int work_metrics_write(struct work *w, struct err *err);

/* work_look.c */
int work_dry_run(struct work *w);
int work_sample(struct work *w);

/* work_jobs.c */
void work_jobs_init(struct work *w);
int work_jobs_follow(struct work *w, int wait_ms);             /* what is new in the log */
int work_jobs_finish(struct work *w);                          /* ends those that are complete */
int work_job_check(struct work *w, struct job *j);             /* too many invalid records? then it fails */
void work_job_break(struct work *w, struct job *j, struct str why); /* it is to fail, whatever is done of it */
int work_job_document(struct work *w, const struct job *j, struct batch *out);
int work_job_manifest(struct work *w, const struct job *j, struct manifest *out);
int work_job_extents(struct work *w, const struct job *j, struct extents *out); /* a part in each */
void work_jobs_release(struct work *w);

/* work_report.c */
int work_report(struct work *w);                      /* how far all are, when it is time */
int work_piece_done(struct work *w, struct piece *p); /* says it in the log */

/* work_settle.c: the last event of a batch says how it stands (batch/fold.h) */
int work_settle(struct work *w);
bool work_is_settled(const struct work *w); /* as far as we read */

/* work_group.c */
int work_group_follow(struct work *w);   /* what happened to our partitions */
int work_group_drain(struct work *w);    /* what runs may end, when they are asked back or it is the end */
int work_commit(struct work *w, bool now);
void work_shares_dirty(struct work *w);  /* the next commit writes all of them down */
void work_group_doubt(struct work *w);   /* others may have our partitions: the next commit tells */
bool work_group_is_sure(const struct work *w);
void work_committed(void *ctx, enum kmember_commit result, const struct err *err);

/* work_begin.c */
bool work_chunk_runs(const struct chunk *c);
bool work_chunk_is_first(const struct chunk *c); /* nothing before it is undone in its part */
int work_children_step(struct work *w);  /* of those that have ended */
int work_chunks_go_on(struct work *w);
int work_chunks_begin(struct work *w);

/* work_stream.c */
int work_stream_add(struct work *w, struct share *s);    /* the part of a plain topic */

/* work_bounds.c: where the records of a batch are that has no manifest */
int work_partitions(struct work *w);
int work_piece_bounds(struct work *w, struct piece *p);
int work_bounds_check(struct work *w, const struct manifest *m, struct err *why); /* 1: it is not of this log */
/* Has retention deleted where the piece is to be read on? The log begins at *begin. */
bool work_bounds_lost(struct work *w, const struct piece *p, int64_t *begin);
void work_bounds_close(struct work *w);

/* work_stray.c: of a stream */
void work_stray_add(struct work *w, struct share *s); /* the share's sweep */
int work_stray_step(struct work *w);
int64_t work_swept(const struct sweep *v); /* nothing below is left for it; INT64_MAX: it has nothing to say */
bool work_stray_is_done(const struct work *w);
void work_stray_close(struct work *w);
void work_stray_forget(struct work *w, struct str id); /* what is known of the batch is out of date */
void work_stray_forget_all(struct work *w, bool absent_only);

/* work_cover.c: where sweeps have nothing to look for */
void work_cover(struct work *w, const struct manifest *m);
void work_cover_hear(struct work *w, struct str id, const struct fold *f); /* a batch's status has changed */
void work_cover_look(struct work *w); /* how far sweeps may go, when it is time */
bool work_cover_is_short(const struct sweep *v); /* its limit is too low for what is known */
int work_cover_offsets(struct work *w, int64_t when, int64_t *out, struct err *err); /* of each share */

/* work_share.c */
int work_shares_assign(struct work *w);
void work_shares_all(struct work *w, int32_t partitions); /* as if nothing was ever committed, and no parts in them */
void work_shares_release(struct work *w);
int work_shares_add(struct work *w, struct job *j); /* to all of ours */
void work_piece_add(struct work *w, struct piece *p);
void work_piece_sent(struct work *w, struct piece *p, const struct extents *x); /* its end is known now */
void work_piece_open(struct piece *p); /* it is begun */
void work_piece_set_idle(struct work *w, struct piece *p, bool idle);
void work_piece_drop(struct work *w, struct piece *p);
void work_take_up(struct piece *p, struct checkpoint_part *before);

/* work_read.c */
int work_share_fill(struct work *w, struct share *s, struct chunk **out);
void work_share_begin(struct work *w, struct chunk *c);
bool work_chunk_is_next(const struct work *w, const struct chunk *c); /* nothing is before it in its lane */
/* Does one of the lane wait, before this one (NULL: at all), so that none behind it is written down? */
bool work_lane_is_held(const struct work *w, const struct share *s, size_t lane, const struct chunk *before);

/* work_checkpoint.c */
int64_t work_share_text(struct work *w, struct share *s, struct buf *out); /* the offset to commit */
size_t work_share_size(const struct work *w, const struct share *s);       /* of the text, if it was not cut */

/* work_room.c: with --exactly-once */
bool work_room_to_begin(const struct work *w, const struct chunk *c);
bool work_room_to_read(const struct work *w, const struct piece *p);
int64_t work_room_ahead(const struct work *w, const struct piece *p); /* so many records may be read ahead */
bool work_room_to_deliver(const struct work *w, const struct chunk *c, bool first); /* its verdicts are taken */

/* work_strand.c */
size_t work_strands_wanted(const struct work *w, const struct chunk *c); /* of its next run */
int work_strands_start(struct work *w, struct chunk *c);
void work_strands_watch(struct work *w, struct chunk *c);
int work_strands_step(struct work *w, struct chunk *c); /* 1: all have ended */
void work_strands_stop(struct chunk *c);
void work_strands_kill(struct chunk *c);
int64_t work_strands_took_ms(const struct chunk *c);
void work_strands_release(struct work *w, struct chunk *c);

/* work_run.c */
int work_chunk_go_on(struct work *w, struct chunk *c);
int work_chunk_start(struct work *w, struct chunk *c);
int work_chunk_ended(struct work *w, struct chunk *c);
void work_chunk_drop(struct work *w, struct chunk *c);   /* its part is not ours any more */
void work_chunk_free(struct work *w, struct chunk *c);
void work_tell_size(const struct work *w);               /* of chunks, and why */

/* work_send.c */
int work_producers_open(struct work *w);
void work_producers_close(struct work *w);
int work_results_open(struct work *w);
int work_post(struct work *w, const struct batch *b, enum event_type type, struct piece *p);
int work_send(struct kproduce *p, size_t at, const struct record *r, struct parcel *parcel,
    struct err *err); /* 1: too long for message.max.bytes, as err says */
struct str work_keep(struct chunk *c, struct str value); /* a copy that stays until it is acknowledged */
void work_keep_none(struct chunk *c);
int32_t work_partition_for(const struct chunk *c, int32_t partitions);
int work_not_delivered(struct work *w, struct kproduce *by); /* -1, and says why */

/* work_deliver.c */
int work_deliver(struct work *w, struct chunk *c);       /* its trial has ended */
bool work_is_held(const struct chunk *c);                /* what came out waits for others to be delivered */
int work_deliver_serve(struct work *w);                  /* acknowledgements, and transactions */
int work_deliver_all(struct work *w, struct chunk *c);   /* what came out of it, and its letters */
void work_take_verdicts(struct work *w, struct chunk *c); /* it counts */
int work_chunk_finish(struct work *w, struct chunk *c);

/* work_tell.c */
void work_tell_retry(const struct work *w, const struct chunk *c);  /* if it waits to be run again */
void work_tell_passed(struct work *w, const struct fold *f); /* counts a batch that ended and was never a worker's */
void work_tell_end(const struct work *w);

/* work_elsewhere.c */
void work_elsewhere_add(struct work *w, struct str id, struct str topic);
void work_elsewhere_forget(struct work *w, struct str id); /* it has ended */
void work_elsewhere_tell(struct work *w);                  /* once of each, when all events are read */
void work_elsewhere_release(struct work *w);

/* work_once.c */
int work_deliver_once(struct work *w, struct chunk *c); /* 1: there is no room for it yet */

/* work_results.c */
int work_output_check(struct work *w, struct strand *s, size_t records, struct err *why);
int work_output_send(struct work *w, struct chunk *c, struct output *o); /* what a run gave out that counts */

/* work_letter.c */
bool work_is_invalid(const struct chunk *c, size_t i);
int work_letters_send(struct work *w, struct chunk *c);

#endif
