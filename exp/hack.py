import re
def sub(f,a,b):
    s=open(f).read(); assert a in s,(f,a); open(f,'w').write(s.replace(a,b,1))
sub('src/settle/outbox.ts','this.#turn = timer(0);','this.#turn = timer((globalThis as any).EXP?.has("acks") ? 20 : 0);')
sub('src/handle/job.ts','if (handlerTimeoutMs !== undefined) {','if (handlerTimeoutMs !== undefined && !(globalThis as any).EXP?.has("nojob")) {')
sub('src/worker/forward.ts','      signal,\n    });','      ...((globalThis as any).EXP?.has("nosig") ? {} : { signal }),\n    });')
sub('src/worker/forward.ts','headers: eventHeaders(message, constants),','headers: (globalThis as any).EXP?.has("prehdr") ? [["Content-Type","application/octet-stream"],["Idempotency-Key", `${message.sequence}`],["ce-specversion","1.0"],["ce-id","a"],["ce-source","s"],["ce-type","io.nats.jetstream.message"],["ce-natsstream","BENCH-1"],["ce-natssequence","12"],["ce-natsconsumer","run-0000"],["ce-natsdeliverycount","1"],["ce-natsoperation","put"],["ce-natssubject","BENCH-1.message"],["ce-subject","BENCH-1.message"],["ce-time","2026-11-25T07:00:00.000Z"]] : eventHeaders(message, constants),')
sub('src/handle/handler.ts','    cancelBody(value);','    if (!(globalThis as any).EXP?.has("nocancel")) cancelBody(value);')
sub('src/fetch/puller.ts','  consider(): void {','  consider(): void {\n    if ((globalThis as any).EXP?.has("lazy") && this.#pull) return;')
