export * from 'mediabunny';
