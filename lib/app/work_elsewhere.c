/* Batches whose document names another topic for their records than STREAM.in. The partitions that workers share are
 * those of STREAM.in alone, so such a batch is passed over, and told of once. */
#include "app/work_int.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tool/msg.h"

struct foreign {
	char *topic; /* owned */
	bool told;
};

void work_elsewhere_add(struct work *w, struct str id, struct str topic)
{
	if (map_get(&w->elsewhere, id))
		return;
	struct foreign *f = mem_zalloc(1, sizeof(*f));
	f->topic = mem_strndup(topic.ptr, topic.len);
	w->untold++;
	map_put(&w->elsewhere, id, f);
}

void work_elsewhere_forget(struct work *w, struct str id)
{
	struct foreign *f = map_remove(&w->elsewhere, id);
	if (!f)
		return;
	w->untold -= !f->told;
	free(f->topic);
	free(f);
}

void work_elsewhere_release(struct work *w)
{
	size_t at = 0;
	struct str id;
	void *value;
	while (map_next(&w->elsewhere, &at, &id, &value))
		work_elsewhere_forget(w, id);
	map_release(&w->elsewhere);
}

void work_elsewhere_tell(struct work *w)
{
	size_t at = 0;
	struct str id;
	void *value;
	while (w->untold && map_next(&w->elsewhere, &at, &id, &value)) {
		struct foreign *f = value;
		if (f->told)
			continue;
		msg_warn("batch '%.*s' has its records in topic %s, not in %s: batch-work -t %s works on them, and "
		    "batch-complete --processed ends the batch", (int)id.len, id.ptr, f->topic, w->topic, f->topic);
		f->told = true;
		w->untold--;
		w->foreign++;
	}
}
